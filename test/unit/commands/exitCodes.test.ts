import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { DiaClientError } from '../../../src/client/client.js';
import { EXIT_CODES, exitCodesHelp, exitOf } from '../../../src/commands/exitCodes.js';
import {
  ComponentFailedError,
  ComponentSilentError,
  InvalidRequestError,
  WrongStateError,
} from '../../../src/contracts/errors.js';

const DOCS = new URL('../../../../docs/command-line.md', import.meta.url);

describe('exit codes', () => {
  it('are documented one by one, with the words of --help', async () => {
    const rows = [...(await readFile(DOCS, 'utf8')).matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map(
      ([, code, meaning]) => ({
        code: Number(code),
        meaning,
      }),
    );
    expect(rows).to.deep.equal(Object.values(EXIT_CODES).map(({ code, meaning }) => ({ code, meaning })));
    for (const { meaning } of rows) expect(exitCodesHelp()).to.contain(meaning);
  });

  it('are all different', () => {
    const codes = Object.values(EXIT_CODES).map(({ code }) => code);
    expect(new Set(codes).size).to.equal(codes.length);
  });

  it('tell whose fault it is', () => {
    expect(exitOf(new InvalidRequestError('invalid_config', 'no'))).to.equal('usage');
    expect(exitOf(new WrongStateError('wrong_state', 'no'))).to.equal('wrongState');
    expect(exitOf(new ComponentFailedError('component_failed', 'no'))).to.equal('failed');
  });

  it('tell a server that does not answer from a component behind it that does not', () => {
    const code = 'component_unreachable';
    expect(exitOf(new DiaClientError('no', { code, component: 'controller' }))).to.equal('noServer');
    expect(exitOf(new DiaClientError('no', { code, component: 'writer', httpStatus: 502 }))).to.equal(
      'failed',
    );
    expect(exitOf(new DiaClientError('no', { code, component: 'writer' }))).to.equal('failed');
    expect(exitOf(new ComponentSilentError(code, 'no', { component: 'controller' }))).to.equal('failed');
  });

  it('tell a file that was found wrong here from one that the server found wrong', () => {
    expect(exitOf(new ComponentFailedError('file_invalid', 'no'))).to.equal('badFile');
    expect(exitOf(new DiaClientError('no', { code: 'file_invalid', httpStatus: 502 }))).to.equal('failed');
  });
});
