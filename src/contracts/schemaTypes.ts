import type { Type as TypeBox } from 'typebox';

type Schema = Readonly<Record<string, unknown>>;

/** Marks what `Optional` was applied to; `Object` leaves it out of `required`, and JSON knows nothing of it. */
const OPTIONAL = Symbol('optional');

const typed = (type: string) => (options?: Schema) => ({ type, ...options });

function optional(schema: Schema): Schema {
  return Object.defineProperty({ ...schema }, OPTIONAL, { value: true });
}

function object(properties: Readonly<Record<string, Schema>>, options?: Schema): Schema {
  const required = Object.keys(properties).filter((name) => !(OPTIONAL in (properties[name] ?? {})));
  return { type: 'object', ...(required.length > 0 ? { required } : {}), properties, ...options };
}

const builders = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: typed('boolean'),
  Enum: (values: readonly unknown[], options?: Schema) => ({ enum: [...values], ...options }),
  Integer: typed('integer'),
  Intersect: (allOf: readonly Schema[], options?: Schema) => ({ allOf, ...options }),
  Literal: (value: string | number | boolean, options?: Schema) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Number: typed('number'),
  Object: object,
  Optional: optional,
  Record: ({ pattern = '^.*$' }: { pattern?: string }, values: Schema, options?: Schema) => ({
    type: 'object',
    patternProperties: { [pattern]: values },
    ...options,
  }),
  String: typed('string'),
  Union: (anyOf: readonly Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unsafe: (schema: Schema) => ({ ...schema }),
};

/**
 * TypeBox' builders that this project uses, with its types and the same JSON Schemas. Its own are spread over three hundred
 * files, which every start of the program would have to read: a third of the time until the service answers.
 */
export const Type = builders as unknown as Pick<typeof TypeBox, keyof typeof builders>;
