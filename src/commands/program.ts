import { Command, CommanderError, Option } from 'commander';
import type { TokenSettings } from '../config/accessSettings.js';
import { packageVersion } from '../version.js';
import { EXIT_CODES, exitCodesHelp } from './exitCodes.js';
import { integerArgument, numberArgument, withJson, withServer } from './options.js';
import { runCommand } from './runCommand.js';
import { RUN_DEFAULTS } from './runConfig.js';

// The commands are imported when they are run: `dia status` should not wait for what only `dia serve` needs.

const TOKEN_ROLES: TokenSettings['role'][] = ['operator', 'observer'];

/** Runs `dia` with the arguments after its name, and ends the process. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  if (first === 'writer') {
    // Its arguments may be negative numbers and options of foreign start scripts: nobody else looks at them.
    const { runWriter } = await import('../writer/main.js');
    process.exit(await runWriter(rest));
  }
  try {
    await buildProgram().parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? EXIT_CODES.ok.code : EXIT_CODES.usage.code);
  }
}

/** Declares the commands. */
export function buildProgram(): Command {
  const program = new Command('dia')
    .description(
      'Detector integration controller: runs a detector, its data backend and its file writer as one.',
    )
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('`dia --help` lists all commands, `dia <command> --help` their options.')
    .addHelpText('after', `\n${exitCodesHelp()}`);
  addServing(program);
  addAcquiring(program);
  addAsking(program);
  addConfig(program);
  addChecking(program);
  return program;
}

function addServing(program: Command): void {
  program
    .command('serve')
    .summary('run the service')
    .description(
      'Runs the service until Ctrl-C or SIGTERM; a second signal ends it at once. The log is on stderr.',
    )
    .argument(
      '[deployment]',
      'name of a packaged deployment, or path of a deployment file or folder',
      'simulation',
    )
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on, 0: any free one')
    .option('--log-level <level>', 'error, warn, info or debug')
    .option('--data-dir <folder>', 'folder for relative output files')
    .option('--json', 'print one JSON line with the url on stdout when ready')
    .action((deployment: string, options) =>
      runCommand(options, async (output) =>
        (await import('./serve.js')).serveCommand(output, deployment, options),
      ),
    );
  withJson(program.command('demo'))
    .summary('see it work')
    .description('Starts the simulation, takes 100 frames, verifies the file, and ends all that it started.')
    .option('--data-dir <folder>', 'folder for the file and the logs', 'data')
    .action((options) =>
      runCommand(options, async (output) => (await import('./demo.js')).demoCommand(output, options)),
    );
}

function addAcquiring(program: Command): void {
  withServer(program.command('acquire'))
    .summary('take one acquisition')
    .description(
      'Configures, starts, follows the acquisition to its end and verifies the file. Ctrl-C stops it.',
    )
    .option('-o, --output <file>', `output file; a relative one lies in the server's data folder`)
    .option('-n, --frames <number>', 'frames to take', integerArgument)
    .option('--exptime <seconds>', 'exposure time', numberArgument)
    .option('--period <seconds>', 'time from frame to frame', numberArgument)
    .option('--bit-depth <bits>', 'bits of a pixel', integerArgument)
    .option('--user-id <number>', 'account that owns the file', integerArgument)
    .option('--config <file>', 'JSON file with the whole config, - for stdin; the options above override it')
    .option('--reset', 'reset first when the integration is in ERROR')
    .addHelpText(
      'after',
      `\nWithout --config: ${RUN_DEFAULTS.frames} frames of ${RUN_DEFAULTS.bitDepth} bit, exptime ${RUN_DEFAULTS.exptime} s, period ${RUN_DEFAULTS.period} s, to ${RUN_DEFAULTS.output}.`,
    )
    .action((options) =>
      runCommand(options, async (output) => (await import('./acquire.js')).acquireCommand(output, options)),
    );
}

function addAsking(program: Command): void {
  withServer(program.command('status'))
    .description('Prints the status of the integration; with --watch every change, until Ctrl-C.')
    .summary('print the status')
    .option('-w, --watch', 'print every change as it happens')
    .action((options) =>
      runCommand(options, async (output) => (await import('./status.js')).statusCommand(output, options)),
    );
  withServer(program.command('details'))
    .description("Prints every component's own word for its state, asked live.")
    .summary('print the state of every component')
    .action((options) =>
      runCommand(options, async (output) => (await import('./details.js')).detailsCommand(output, options)),
    );
  const standDowns = [
    ['stop', 'end the acquisition, keep the frames so far'],
    ['reset', 'go back to INITIALIZED from any state'],
    ['kill', 'stop everything by force, then reset'],
  ] as const;
  for (const [how, summary] of standDowns) {
    withServer(program.command(how).description(summary)).action((options) =>
      runCommand(options, async (output) =>
        (await import('./standDown.js')).standDownCommand(output, how, options),
      ),
    );
  }
}

function addConfig(program: Command): void {
  const config = program.command('config').description('print or change the acquisition config');
  withServer(config.command('get'))
    .description('Prints the last config set, in the form that `dia config set` takes.')
    .action((options) =>
      runCommand(options, async (output) => (await import('./config.js')).getConfigCommand(output, options)),
    );
  withServer(config.command('set'))
    .description('Sets the whole config and applies it.')
    .argument('<file>', 'JSON file, - for stdin')
    .action((file: string, options) =>
      runCommand(options, async (output) =>
        (await import('./config.js')).setConfigCommand(output, file, options),
      ),
    );
  withServer(config.command('update'))
    .description('Changes fields of the last config and applies it.')
    .argument('<changes...>', 'JSON file, - for stdin, or section.field=value …')
    .action((changes: string[], options) =>
      runCommand(options, async (output) =>
        (await import('./config.js')).updateConfigCommand(output, changes, options),
      ),
    );
  withServer(config.command('reapply'))
    .description('Applies the last config again.')
    .action((options) =>
      runCommand(options, async (output) =>
        (await import('./config.js')).reapplyConfigCommand(output, options),
      ),
    );
}

function addChecking(program: Command): void {
  withJson(program.command('validate'))
    .summary('check a deployment, and an acquisition config against it')
    .description('Checks a deployment, and an acquisition config against it. Needs no server.')
    .argument('<deployment>', 'name of a packaged deployment, or path of a deployment file or folder')
    .argument('[config]', 'JSON file with an acquisition config, - for stdin')
    .action((deployment: string, config: string | undefined, options) =>
      runCommand(options, async (output) =>
        (await import('./validate.js')).validateCommand(output, deployment, config),
      ),
    );
  withJson(program.command('verify'))
    .summary('check output files')
    .description('Opens output files, counts their frames and says what is wrong with them. Needs no server.')
    .argument('<files...>', 'HDF5 files')
    .option(
      '-n, --frames <number>',
      'frames they should hold; as many as they say themselves unless given',
      integerArgument,
    )
    .option(
      '--repair',
      'first make files readable that were not closed: their writer was killed, or the disk was full',
    )
    .action((files: string[], options) =>
      runCommand(options, async (output) =>
        (await import('./verify.js')).verifyCommand(output, files, options),
      ),
    );
  withJson(program.command('token'))
    .summary('make a token for a deployment')
    .description('Makes a token, prints it once, and the entry of `access.tokens` for the deployment.')
    .argument('<name>', 'who gets the token')
    .addOption(new Option('--role <role>', 'what its holder may do').choices(TOKEN_ROLES).default('operator'))
    .action((name: string, options) =>
      runCommand(options, async (output) =>
        (await import('./token.js')).tokenCommand(output, { name, role: options.role }),
      ),
    );
  // Only for the list: its arguments never come here, see runProgram.
  program.command('writer').description('run the HDF5 writer by itself; see `dia writer --help`');
}
