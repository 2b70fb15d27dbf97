import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NoSpaceError } from '../../../src/contracts/errors.js';
import { checkFreeSpace, type SpaceNeed } from '../../../src/files/freeSpace.js';
import { directLookups as lookups } from '../../../src/files/pathLookups.js';

describe('the check of the free space', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dia-space-'));
  });
  after(() => rm(folder, { recursive: true }));

  const need = (frames: number, name = 'a/b/run.h5') => ({
    component: 'writer',
    file: join(folder, name),
    frames,
    frameBytes: 1_000_000,
  });
  const refusal = async (needs: readonly SpaceNeed[], reserveBytes = 0) => {
    const outcome = await checkFreeSpace(needs, { reserveBytes, lookups }).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(NoSpaceError);
    return outcome as NoSpaceError;
  };

  it('takes what fits, in folders that do not exist yet', async () => {
    await checkFreeSpace([need(1), need(0)], { reserveBytes: 0, lookups });
    await checkFreeSpace([], { reserveBytes: Number.MAX_SAFE_INTEGER, lookups });
  });

  it('tells what is needed, what there is, and where', async () => {
    const { code, message, facts } = await refusal([need(1e10)], 5);
    expect(code).to.equal('no_space');
    expect(message).to.include('10000000000 frames of 1000000 bytes need 10000000000000000 bytes');
    expect(message)
      .to.include('and 5 bytes have to remain free')
      .and.to.include(`bytes are free in ${folder}.`);
    expect(facts).to.include.keys('component', 'operation', 'expected', 'actual', 'hint');
  });

  it('adds up files on the same disk', async () => {
    const { message } = await refusal([need(6e9), need(5e9, 'other.h5')]);
    expect(message).to.include('11000000000000000 bytes').and.to.include('run.h5 and ');
  });

  it('wants the reserve alone where nobody knows how many frames come', async () => {
    const { message } = await refusal([need(0)], 1e18);
    expect(message).to.include('1000000000000000000 bytes have to be free');
  });
});
