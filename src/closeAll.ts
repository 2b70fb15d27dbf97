/**
 * Takes all steps out of the list and runs them in turn, the last one first. One that fails keeps none of the others.
 *
 * @throws the first error, once every step has been tried.
 */
export async function closeAll(steps: (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    await step().catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}
