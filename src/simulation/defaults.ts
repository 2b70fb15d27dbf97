/** Options of the simulated detector's program, and what they are when they are not given. */
export const DETECTOR_DEFAULTS = {
  host: '127.0.0.1',
  'control-port': '0',
  'frames-port': '0',
  shape: '512x1024',
  seed: '1',
};

/** Options of the simulated backend's program; null: has to be given. */
export const BACKEND_DEFAULTS = {
  host: '127.0.0.1',
  'http-port': '0',
  'frames-port': '0',
  'frames-from': null,
  modules: '1',
};
