import { mkdtemp, open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { AcquisitionPlan } from '../src/contracts/acquisition.js';
import { openJournal } from '../src/telemetry/journal.js';
import { acquisition } from '../test/support/integration.js';
import type { Bench } from './bench.js';

const APPENDS_A_ROUND = 40;

/** What it costs to write down a command, on disk, before a component hears of it. */
export const journal: Bench = {
  name: 'journal',
  about: `${APPENDS_A_ROUND} entries a round, each on disk before the next; and as many bytes by write and fdatasync alone`,
  async run({ report, rounds }) {
    // The temporary folder may lie in memory; a journal does not.
    const folder = await mkdtemp(join(resolve('.'), '.bench-journal-'));
    const written = await openJournal(join(folder, 'journal.jsonl'));
    const bare = await open(join(folder, 'bare'), 'a');
    try {
      const config = acquisition('/data/run.h5', 100);
      const entry = { phase: 'configuring', plan: plan(config), config, overlays: {}, disabled: [] } as const;
      const line = `${JSON.stringify({ ...entry, at: new Date().toISOString() })}\n`;
      const samples: { journal: number[]; bare: number[] } = { journal: [], bare: [] };
      for (let round = 0; round < rounds; round++) {
        for (let index = 0; index < APPENDS_A_ROUND; index++) {
          samples.bare.push(
            await timed(async () => {
              await bare.appendFile(line);
              await bare.datasync();
            }),
          );
        }
        for (let index = 0; index < APPENDS_A_ROUND; index++) {
          samples.journal.push(await timed(() => written.append(entry)));
        }
      }
      report.add({ bench: 'journal', name: 'write and fdatasync alone', unit: 'ms', samples: samples.bare });
      report.add({
        bench: 'journal',
        name: 'entry before a command',
        unit: 'ms',
        samples: samples.journal,
        per: 'write and fdatasync alone',
        bar: { atMost: 3 },
      });
    } finally {
      await written.close();
      await bare.close();
      await rm(folder, { recursive: true });
    }
  },
};

/** What one pipeline of the simulation is told. */
function plan(config: ReturnType<typeof acquisition>): AcquisitionPlan {
  const writer = {
    outputFile: config.writer.output_file,
    frames: 100,
    userId: 0,
    existingFile: 'number',
    extra: {},
    acquisition: config,
    acquisitionId: '6a4c1f0e-0000-4000-8000-000000000000',
  } as const;
  return {
    id: writer.acquisitionId,
    config,
    pipelines: { simulation: { detector: config.detector, backend: config.backend, writer } },
    auxiliary: {},
    stall: { timeoutMs: 5_000, fails: false, waitsForTrigger: false },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}
