import { isDeepStrictEqual } from 'node:util';

/**
 * What each component was configured with, and still has as far as we know. A component that is stood down, was
 * silent, disabled, or spoken to directly is forgotten, and is configured again whatever comes.
 */
export class Applied {
  private readonly byComponent = new Map<string, unknown>();

  has(component: string, parameters: unknown): boolean {
    return this.byComponent.has(component) && isDeepStrictEqual(this.byComponent.get(component), parameters);
  }

  remember(component: string, parameters: unknown): void {
    this.byComponent.set(component, structuredClone(parameters));
  }

  forget(component: string): void {
    this.byComponent.delete(component);
  }

  forgetAll(): void {
    this.byComponent.clear();
  }
}
