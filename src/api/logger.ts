/** What the API needs of a logger. */
export interface ApiLogger {
  info(message: string, fields: Record<string, unknown>): void;
  /** For GET requests that only read and were answered: clients that poll make many of them. */
  access(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}
