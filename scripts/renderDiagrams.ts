import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { acquisitionMachine } from '../machines/acquisition.machine.js';
import { componentMachine } from '../machines/component.machine.js';

const MACHINES: Readonly<Record<string, AnyStateMachine>> = {
  acquisition: acquisitionMachine,
  component: componentMachine,
};

/** Puts a diagram of each machine between its markers in the text of machines/README.md. */
export function renderDiagrams(readme: string): string {
  return Object.entries(MACHINES).reduce((text, [name, machine]) => {
    const begin = `<!-- diagram ${name} -->`;
    const end = `<!-- end ${name} -->`;
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined)
      throw new Error(`machines/README.md lacks the markers of ${name}.`);
    return `${before}${begin}\n\n\`\`\`mermaid\n${draw(machine)}\n\`\`\`\n\n${end}${after}`;
  }, readme);
}

function draw(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2', ...states(machine.root, '  '), ...new Set(arrows(machine.root))];
  return lines.join('\n');
}

const idOf = (node: AnyStateNode) => node.path.join('_') || 'anywhere';

const children = (node: AnyStateNode) => Object.values(node.states) as AnyStateNode[];

function states(node: AnyStateNode, indent: string): string[] {
  return children(node).flatMap((child, index) => {
    const separator = node.type === 'parallel' && index > 0 ? [`${indent}--`] : [];
    const title = `${indent}state "${child.key}" as ${idOf(child)}`;
    if (children(child).length === 0) return [...separator, title];
    const [initial] = child.initial?.target ?? [];
    const start = initial && child.type !== 'parallel' ? [`${indent}  [*] --> ${idOf(initial)}`] : [];
    return [...separator, `${title} {`, ...start, ...states(child, `${indent}  `), `${indent}}`];
  });
}

/** Transitions, those of the root drawn from a state called `anywhere`. */
function arrows(node: AnyStateNode): string[] {
  const own = [...node.transitions.values()]
    .flat()
    .flatMap((transition) =>
      (transition.target ?? []).map(
        (target) => `  ${idOf(node)} --> ${idOf(target)}: ${label(transition.eventType, transition.guard)}`,
      ),
    );
  const always = (node.always ?? []).flatMap((transition) =>
    (transition.target ?? []).map(
      (target) => `  ${idOf(node)} --> ${idOf(target)}: ${label('', transition.guard)}`,
    ),
  );
  const [initial] = node.path.length === 0 ? (node.initial?.target ?? []) : [];
  const start = initial ? [`  [*] --> ${idOf(initial)}`] : [];
  return [...start, ...own, ...always, ...children(node).flatMap(arrows)];
}

function label(eventType: string, guard: unknown): string {
  const [, kind, rest = ''] = /^xstate\.(done|error|after)\.(.*)$/.exec(eventType) ?? [];
  const event =
    kind === 'done'
      ? 'done'
      : kind === 'error'
        ? 'failed'
        : kind === 'after'
          ? `after ${rest.split('.')[0]}`
          : eventType;
  const name = typeof guard === 'string' ? guard : ((guard as { type?: string } | undefined)?.type ?? '');
  return [event, name === '' ? '' : `[${name}]`].filter((part) => part !== '').join(' ');
}
