import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { expect } from 'chai';
import { parseOptions, UsageError } from '../../../src/writer/options.js';

const POSITIONAL = ['tcp://h:1', '/data/x.h5', '10', '8000', '-1'];

describe('parseOptions of the writer', () => {
  it("takes the arguments of PSI's writer, and whatever start scripts append", () => {
    const { mode, run, httpPort, streamAddress } = parseOptions([...POSITIONAL, 'tcp://broker:2', '-1', '0']);
    expect(run).to.deep.equal({ outputFile: '/data/x.h5', framesExpected: 10, userId: -1 });
    expect([mode, httpPort, streamAddress]).to.deep.equal(['process', 8000, 'tcp://h:1']);
  });

  it('takes options anywhere, with a blank or an equals sign', () => {
    const options = parseOptions([
      '--data-root',
      '/a',
      ...POSITIONAL,
      '--data-root=/b',
      '--existing-file=refuse',
    ]);
    expect(options.dataRoots).to.deep.equal(['/a', '/b']);
    expect(options.existingFile).to.equal('refuse');
  });

  it('serves on any free port of this machine unless told otherwise', () => {
    expect(parseOptions(['--service'])).to.deep.include({
      mode: 'service',
      host: '127.0.0.1',
      httpPort: 0,
      streamAddress: null,
      existingFile: 'number',
      run: null,
    });
    expect(parseOptions(['--service', '--http-port', '81', '--stream=tcp://h:1'])).to.include({
      httpPort: 81,
      streamAddress: 'tcp://h:1',
    });
  });

  it('stores frames as they come unless told otherwise', () => {
    expect(parseOptions(POSITIONAL).compression).to.equal('none');
    const options = parseOptions([...POSITIONAL, '--compression=bslz4', '--compression-threads', '3']);
    expect(options).to.include({ compression: 'bslz4', compressionThreads: 3 });
  });

  it('leaves a core to receive and to write, and takes no more threads than that one can feed', () => {
    const { availableParallelism } = os;
    try {
      for (const [cores, threads] of [
        [1, 1],
        [2, 1],
        [4, 3],
        [256, 8],
      ] as const) {
        os.availableParallelism = () => cores;
        syncBuiltinESMExports();
        expect(parseOptions(POSITIONAL).compressionThreads, `${cores} cores`).to.equal(threads);
      }
    } finally {
      os.availableParallelism = availableParallelism;
      syncBuiltinESMExports();
    }
  });

  it('refuses what makes no sense and names it', () => {
    const wrong: [string[], string][] = [
      [[], 'Five arguments'],
      [POSITIONAL.slice(1), 'Five arguments'],
      [['tcp://h:1', 'x.h5', '-1', '0', '0'], 'n_frames'],
      [['tcp://h:1', 'x.h5', '1e3', '0', '0'], 'n_frames'],
      [['tcp://h:1', 'x.h5', '1', '70000', '0'], 'rest_port'],
      [['tcp://h:1', 'x.h5', '1', '0', 'me'], 'user_id'],
      [[...POSITIONAL, '--existing-file', 'ask'], 'ask'],
      [[...POSITIONAL, '--compression', 'gzip'], 'none or bslz4'],
      [[...POSITIONAL, '--compression-threads', '0'], '--compression-threads'],
      [[...POSITIONAL, '--nosuch=1'], '--nosuch'],
      [[...POSITIONAL, '--host'], '--host needs a value'],
      [['--service', 'x.h5'], 'x.h5'],
    ];
    for (const [argv, text] of wrong)
      expect(() => parseOptions(argv), argv.join(' ')).to.throw(UsageError, text);
  });
});
