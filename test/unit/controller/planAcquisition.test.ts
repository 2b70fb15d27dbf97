import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { AcquisitionConfig } from '../../../src/contracts/json.js';
import { type PlanOptions, planAcquisition } from '../../../src/controller/planAcquisition.js';
import { directLookups } from '../../../src/files/pathLookups.js';

describe('the plan of an acquisition with several pipelines', () => {
  let data: string;
  let runs = 0;
  before(async () => {
    data = await realpath(await mkdtemp(join(tmpdir(), 'dia-plan-')));
  });
  after(() => rm(data, { recursive: true }));

  const config = {
    writer: { output_file: 'run.h5', n_frames: 10 },
    backend: { pede_corrections_filename: '/pede' },
    detector: { dr: 16 },
    bsread: { output_file: 'bs.h5' },
  };
  const plan = (options: Partial<PlanOptions> = {}, changes: Partial<typeof config> = {}) =>
    planAcquisition(
      { ...config, ...changes },
      {
        pipelines: ['JF01', 'JF02'],
        auxiliaryWriters: ['bsread'],
        configOf: () => ({ ...config, ...changes }),
        dataFolder: data,
        roots: [],
        existingFile: 'number',
        lookups: directLookups,
        runNumber: () => Promise.resolve(++runs),
        stall: { action: 'report', waitForTrigger: true },
        ...options,
      },
    );

  it('gives each writer a file of its own by default', async () => {
    const { pipelines, auxiliary } = await plan();
    expect(pipelines.JF01?.writer.outputFile).to.equal(join(data, 'run.JF01.h5'));
    expect(pipelines.JF02?.writer.outputFile).to.equal(join(data, 'run.JF02.h5'));
    expect(auxiliary.bsread?.outputFile).to.equal(join(data, 'bs.h5'));
  });

  it("follows the deployment's rules, on each pipeline's config, each section its own", async () => {
    const fileRules = [
      { section: 'writer', field: 'output_file', append: `.\${pipeline}.h5` },
      { section: 'bsread', field: 'output_file', append: '.BSREAD.h5' },
      { section: 'backend', field: 'pede_corrections_filename', append: `.\${pipeline}.res.h5` },
    ];
    const configOf = (pipeline: string) =>
      pipeline === 'JF02'
        ? { ...config, writer: { output_file: 'other.h5' }, detector: { dr: 16, gain: 1 } }
        : config;
    const { pipelines, auxiliary } = await plan({ fileRules, configOf });
    expect(pipelines.JF01?.writer.outputFile).to.equal(join(data, 'run.h5.JF01.h5'));
    expect(pipelines.JF02?.writer.outputFile).to.equal(join(data, 'other.h5.JF02.h5'));
    expect(pipelines.JF02?.detector).to.deep.equal({ dr: 16, gain: 1 });
    expect(pipelines.JF02?.backend).to.deep.equal({ pede_corrections_filename: '/pede.JF02.res.h5' });
    expect(auxiliary.bsread?.outputFile).to.equal(join(data, 'bs.h5.BSREAD.h5'));
    expect(auxiliary.bsread?.acquisition.writer).to.deep.equal(config.writer);
  });

  for (const [title, detector, stall, rule] of [
    ['ten periods', { period: 3 }, {}, { timeoutMs: 30_000, waitsForTrigger: false }],
    ['at least five seconds', { period: 0.1 }, {}, { timeoutMs: 5_000, waitsForTrigger: false }],
    ['the exposure, when it is longer than the period', { period: 0, exptime: 2 }, {}, { timeoutMs: 20_000 }],
    ["the deployment's own", { period: 3 }, { timeoutMs: 700 }, { timeoutMs: 700, waitsForTrigger: false }],
    ['an external trigger', { period: 0.1, timing: 'trigger' }, {}, { waitsForTrigger: true }],
    [
      'an external trigger that has to come',
      { timing: 'trigger' },
      { waitForTrigger: false },
      { waitsForTrigger: false },
    ],
    [
      'nothing, where no writer tells of them while they come',
      {},
      { unseen: true },
      { waitsForTrigger: true },
    ],
  ] as const) {
    it(`waits for frames by ${title}`, async () => {
      const settings = { action: 'report', waitForTrigger: true, ...stall } as const;
      const own: AcquisitionConfig = { ...config, detector: { ...detector } };
      const { stall: made } = await plan({ stall: settings, configOf: () => own });
      expect(made).to.include({ fails: false, ...rule });
    });
  }

  it('keeps the config as the client gave it', async () => {
    expect((await plan()).config).to.deep.equal(config);
  });

  it('takes /dev/null only where the deployment allows it, and no name that is taken', async () => {
    const nothing = { writer: { output_file: '/dev/null', n_frames: 10 } };
    const { pipelines } = await plan({ allowDevNull: true, existingFile: 'refuse' }, nothing);
    expect(pipelines.JF01?.writer.outputFile).to.equal('/dev/null');
    expect(await plan({}, nothing).catch(({ code }) => code)).to.equal('invalid_path');
    const same = { bsread: { output_file: 'run.JF02.h5' } };
    expect(await plan({}, same).catch(({ code }) => code)).to.equal('invalid_config');
    await writeFile(join(data, 'run.JF02.h5'), '');
    expect(await plan({ existingFile: 'refuse' }).catch(({ code }) => code)).to.equal('file_exists');
  });
});
