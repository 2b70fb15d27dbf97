/** Any value JSON can carry. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** A JSON object. */
export type JsonObject = { [key: string]: JsonValue };

/** The parameters of one role in an acquisition config, by the names clients use. */
export type Section = JsonObject;

/** An acquisition config: one section per role (`writer`, `backend`, `detector`, …). */
export type AcquisitionConfig = Record<string, Section>;
