import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Command } from 'commander';
import { buildProgram } from '../../../src/commands/program.js';

const DOCS = new URL('../../../../docs/command-line.md', import.meta.url);

describe('docs/command-line.md', () => {
  let text = '';

  before(async () => {
    text = await readFile(DOCS, 'utf8');
  });

  for (const { name, command } of leaves(buildProgram())) {
    it(`has \`${name}\` in its table, and its options`, () => {
      expect(text).to.match(new RegExp(`^\\| \`${name}[ \`]`, 'm'));
      for (const { long } of command.options) expect(text).to.contain(long);
    });
  }

  it('names no command that does not exist', () => {
    const names = leaves(buildProgram()).map(({ name }) => name);
    const shown = [...text.matchAll(/^\| `(dia [a-z]+(?: (?:get|set|update|reapply))?)/gm)].map(
      ([, name]) => name,
    );
    expect(shown).to.have.members(names);
  });
});

/** The commands that do something, with their whole names. */
function leaves(command: Command, prefix = ''): { name: string; command: Command }[] {
  const name = `${prefix}${command.name()}`;
  return command.commands.length === 0
    ? [{ name, command }]
    : command.commands.flatMap((one) => leaves(one, `${name} `));
}
