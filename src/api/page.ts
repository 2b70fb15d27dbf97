import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2430; --faint: #5d6b7c; --line: #d8dee6; --ok: #16794c;
  --busy: #1857b8; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --ink: #e6eaf0; --faint: #9aa7b6; --line: #303944;
  --ok: #58c48d; --busy: #7fb0ff; --bad: #ff8a80; } }
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.1rem; font-weight: 600; color: var(--faint); margin: 0; }
#status { font-size: 2.2rem; font-weight: 650; margin: .2rem 0; }
#status.ok { color: var(--ok); } #status.busy { color: var(--busy); } #status.bad { color: var(--bad); }
#problem { color: var(--bad); white-space: pre-wrap; }
progress { width: 100%; height: .8rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line); font-weight: 400; }
th, .faint { color: var(--faint); }
#file { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: inherit; }
`;

const script = `
const byId = (id) => document.getElementById(id);
const tones = { ERROR: 'bad', INCONSISTENT: 'bad', COMPONENT_NOT_RESPONDING: 'bad', RUNNING: 'busy',
  DETECTOR_STOPPED: 'busy', BSREAD_STILL_RUNNING: 'busy' };
function show(answer) {
  const word = String(answer.status || '').replace('IntegrationStatus.', '');
  byId('status').textContent = word + (answer.transition ? ' (' + answer.transition + ')' : '');
  byId('status').className = tones[word] || 'ok';
  byId('problem').textContent = answer.details
    ? answer.details + (answer.error && answer.error.hint ? '\\n' + answer.error.hint : '') : '';
  byId('file').textContent = answer.file || 'none yet';
  const progress = answer.progress;
  byId('bar').hidden = !progress;
  if (!progress) { byId('frames').textContent = ''; return; }
  byId('bar').max = progress.expected_frames || 1;
  byId('bar').value = progress.written_frames;
  byId('frames').textContent = progress.written_frames + ' of ' + (progress.expected_frames || 'unlimited') +
    ' frames, ' + progress.frame_rate_hz.toFixed(1) + ' per second' +
    (progress.lost_frames ? ', ' + progress.lost_frames + ' lost' : '');
}
const asText = (value) => typeof value === 'object' && value !== null
  ? Object.entries(value).map(([key, part]) => key + ': ' + asText(part)).join(', ') : String(value);
function showComponents(details) {
  byId('components').replaceChildren(...Object.entries(details).map(([name, status]) => {
    const row = document.createElement('tr');
    for (const text of [name, asText(status)]) {
      row.appendChild(document.createElement('td')).textContent = text;
    }
    return row;
  }));
}
// Changes may come fast; one request at a time, and one more when something came in the meantime.
function oneAtATime(work) {
  let running = false, again = false;
  return async () => {
    if (running) { again = true; return; }
    running = true;
    do { again = false; try { await work(); } catch { /* The stream tells when the server is gone. */ } } while (again);
    running = false;
  };
}
const get = async (path) => (await fetch(path)).json();
const refresh = oneAtATime(async () => show(await get('/api/v1/status')));
const refreshComponents = oneAtATime(async () => {
  const answer = await get('/api/v1/status_details');
  if (answer.state === 'ok') showComponents(answer.details);
});
const refreshServer = oneAtATime(async () => {
  const { server_info: server } = await get('/api/v1/info');
  byId('server').textContent = server.deployment;
  byId('version').textContent = server.version;
  document.title = server.deployment + ' · dia';
});
const stream = new EventSource('/api/v1/events');
stream.onopen = () => { byId('connection').textContent = 'live'; refreshComponents(); refreshServer(); };
stream.onerror = () => { byId('connection').textContent = 'connection lost, trying again'; };
stream.addEventListener('snapshot', (event) => show(JSON.parse(event.data)));
stream.addEventListener('state', refresh);
stream.addEventListener('progress', refresh);
stream.addEventListener('component', refreshComponents);
`;

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Lets the page run its own script and style and talk to its own server, and nothing else. */
export const pageSecurityPolicy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** The page at `/`: state, components, last file and progress, kept up to date by the event stream. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dia</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<h1><span id="server">dia</span> · <span id="connection" role="status">connecting</span></h1>
<main>
<p id="status" aria-live="polite">…</p>
<p id="problem" role="alert"></p>
<progress id="bar" aria-label="Frames written" hidden></progress>
<p id="frames" class="faint"></p>
<table>
<thead><tr><th scope="col">Component</th><th scope="col">Status</th></tr></thead>
<tbody id="components"></tbody>
</table>
<p>Last file: <span id="file">none yet</span></p>
</main>
<nav class="faint" aria-label="More">
<a href="/openapi.json">API description</a> ·
<a href="/api/v1/status">status</a> ·
<a href="/api/v1/config">config</a> ·
<a href="/api/v1/metrics">metrics</a> ·
<a href="/api/v1/info">dia <span id="version"></span></a> ·
the manual is in the project's docs folder
</nav>
<noscript>This page needs JavaScript to follow the acquisition; <a href="/api/v1/status">the status</a> does not.</noscript>
<script>${script}</script>
</body>
</html>
`;
