import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { ComponentFailedError } from '../../../src/contracts/errors.js';
import { openJournal } from '../../../src/telemetry/journal.js';
import { PLAN } from '../../support/acquisitionDriver.js';
import { expectDiaError } from '../../support/calls.js';

const remembered = { config: { writer: { n_frames: 1 } }, overlays: {}, disabled: ['detector'] };

describe('openJournal', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-journal-'));
    path = join(folder, 'journal.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const lastOf = async () => {
    const journal = await openJournal(path);
    await journal.close();
    return journal.last;
  };

  it('has no last entry at first', async () => {
    expect(await lastOf()).to.equal(null);
  });

  it('leaves a journal as it is that cannot be read, and says which', async () => {
    // A link to itself: to be read by nobody, and to be replaced by anybody who takes it for none.
    await symlink(path, path);
    const error = await expectDiaError(openJournal(path), ComponentFailedError, 'component_failed');
    expect(error.message).to.include(path).and.to.include('ELOOP');
    expect(await readlink(path)).to.equal(path);
    expect(await readdir(folder)).to.deep.equal(['journal.jsonl']);
  });

  it('gives back the last entry, with all that clients had set', async () => {
    const journal = await openJournal(path);
    await journal.append({ phase: 'configuring', plan: PLAN, ...remembered });
    await journal.append({ phase: 'configured', plan: PLAN, ...remembered });
    await journal.close();
    expect(await lastOf()).to.deep.include({ phase: 'configured', plan: PLAN, ...remembered });
  });

  it('begins anew with the last entry, and does not grow from life to life', async () => {
    for (let life = 0; life < 5; life++) {
      const journal = await openJournal(path);
      await journal.append({ phase: 'initialized', ...remembered });
      await journal.close();
    }
    expect((await readFile(path, 'utf8')).trim().split('\n')).to.have.length(2);
  });

  it('stays small in a long life, and knows the last entry all the same', async () => {
    const journal = await openJournal(path);
    const config = { writer: { text: 'x'.repeat(100_000) } };
    for (let entry = 0; entry < 25; entry++) {
      await journal.append({ phase: 'initialized', ...remembered, config });
      expect((await stat(path)).size).to.be.below(1_200_000);
    }
    await journal.append({ phase: 'configured', plan: PLAN, ...remembered });
    await journal.close();
    expect((await lastOf())?.phase).to.equal('configured');
    expect(await readdir(folder)).to.deep.equal(['journal.jsonl']);
  });

  it('believes the last whole line, wherever a crash cut the file', async () => {
    const journal = await openJournal(path);
    await journal.append({ phase: 'configuring', plan: PLAN, ...remembered });
    const first = (await readFile(path)).length;
    await journal.append({ phase: 'configured', plan: PLAN, ...remembered });
    await journal.close();
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (length) => {
        await writeFile(path, whole.subarray(0, length));
        const expected = length === whole.length ? 'configured' : length >= first ? 'configuring' : undefined;
        expect((await lastOf())?.phase).to.equal(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('passes over lines that make no sense', async () => {
    const journal = await openJournal(path);
    await journal.append({ phase: 'initialized', ...remembered });
    await journal.close();
    await appendFile(path, '\u0000\u0000garbage\n42\n');
    expect((await lastOf())?.phase).to.equal('initialized');
  });
});
