import { FAULTS } from '../faultProxy.js';
import type { Role } from '../faultProxyIntegration.js';
import { type Cell, PHASES } from './cells.js';

/** What became of a cell. */
interface Outcome {
  readonly cell: Cell;
  readonly hasPassed: boolean;
  readonly tookMs: number;
}

/** The matrix of one role for people: a row a phase, a column a fault, and the sum. */
export function table(role: Role, outcomes: readonly Outcome[], tookMs: number): string {
  const rows = PHASES.map((phase) => {
    const marks = FAULTS.map((fault) => {
      const found = outcomes.find(({ cell }) => cell.phase === phase && cell.fault === fault);
      return (found === undefined ? '-' : found.hasPassed ? 'ok' : 'FAILED').padEnd(11);
    });
    return `${phase.padEnd(12)}${marks.join('')}`;
  });
  const head = `${role.padEnd(12)}${FAULTS.map((fault) => fault.padEnd(11)).join('')}`;
  const passed = outcomes.filter(({ hasPassed }) => hasPassed).length;
  const slowest = outcomes.toSorted((a, b) => b.tookMs - a.tookMs)[0];
  const seconds = (tookMs / 1000).toFixed(0);
  const sum = `${role}: ${outcomes.length} cells, ${passed} passed, in ${seconds} s; the slowest took ${slowest?.tookMs.toFixed(0)} ms`;
  return `\n${[head, ...rows, sum].join('\n')}\n`;
}
