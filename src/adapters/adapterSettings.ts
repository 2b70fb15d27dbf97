/** What every adapter is constructed with. */
export interface AdapterSettings<Options> {
  /** Name of the component in errors and logs, `pipeline.role` when there are several pipelines. */
  readonly name: string;
  /** Checked against the schema next to the adapter. */
  readonly options: Options;
}
