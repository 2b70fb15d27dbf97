import { ProcessWriterBench } from '../support/processWriter.js';
import { describeWriterContract } from './writerContract.js';

for (const program of ['dia writer', 'C++ writer (stand-in)'] as const) {
  describeWriterContract(`h5-process, ${program}`, async () => {
    const bench = await ProcessWriterBench.open();
    const isOurs = program === 'dia writer';
    return {
      writer: bench.writer(isOurs ? 'dia-writer' : bench.cppWriter()),
      folder: bench.folder,
      sendFrames: (numbers) => bench.sender.sendAll(numbers),
      freeze: () => process.kill(bench.pid, 'SIGSTOP'),
      wake: () => process.kill(bench.pid, 'SIGCONT'),
      end: async () => bench.close(),
      isPerRun: true,
      ended: 'stopped',
      // It is recorded that the C++ writer dies of frames out of order after a gap.
      ...(isOurs ? {} : { knowsGaps: false }),
    };
  });
}
