import { runWriter } from './main.js';

process.exit(await runWriter(process.argv.slice(2)));
