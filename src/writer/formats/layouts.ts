import { csaxs } from './csaxs.js';
import type { Layout } from './format.js';
import { nexus } from './nexus.js';
import { swissfel } from './swissfel.js';

const LAYOUTS = { nexus, csaxs, swissfel } as const satisfies Record<string, Layout>;

/** The name of a layout of files. */
export type LayoutName = keyof typeof LAYOUTS;

/** The names of all layouts. */
export const LAYOUT_NAMES = Object.keys(LAYOUTS) as readonly LayoutName[];

/** The layout of that name. */
export function layoutNamed(name: LayoutName): Layout {
  return LAYOUTS[name];
}
