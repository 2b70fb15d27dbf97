import { expect } from 'chai';
import { fillEnvironment } from '../../../src/config/environment.js';
import { parseYamlSource } from '../../../src/config/yamlSource.js';

/** Fills a YAML text in; findings as `line path: text`. */
function fill(yaml: string, env: NodeJS.ProcessEnv = {}) {
  const source = parseYamlSource(yaml);
  const { value, findings, redact } = fillEnvironment(source.value, { env, source });
  const texts = findings.map(({ line, path, text }) => `${line} ${path.join('.')}: ${text}`);
  return { value, findings: texts, redact };
}

describe('placeholders of the environment', () => {
  const cases: [string, string, NodeJS.ProcessEnv, unknown][] = [
    ['a value', `a: "\${env.A}"`, { A: 'x' }, { a: 'x' }],
    ['a value inside a text', `a: "tcp://\${env.A}:\${env.B}"`, { A: 'host', B: '1' }, { a: 'tcp://host:1' }],
    ['a value however deep', `a: [{ b: "\${env.A}" }]`, { A: 'x' }, { a: [{ b: 'x' }] }],
    ['the default', `a: "\${env.A:-x y}"`, {}, { a: 'x y' }],
    ['the default for an empty variable', `a: "\${env.A:-x}"`, { A: '' }, { a: 'x' }],
    ['the variable before the default', `a: "\${env.A:-x}"`, { A: 'z' }, { a: 'z' }],
    ['a number', `a: "\${env.A:-10000}"`, {}, { a: 10000 }],
    ['a decimal', `a: "\${env.A}"`, { A: '-0.5' }, { a: -0.5 }],
    ['a truth value', `a: "\${env.A}"`, { A: 'true' }, { a: true }],
    ['a text that only looks like a number', `a: "\${env.A}"`, { A: '007' }, { a: '007' }],
    [
      'a number too long for one',
      `a: "\${env.A}"`,
      { A: '12345678901234567890' },
      { a: '12345678901234567890' },
    ],
    ['a text by wish', `a: "\${env.A:-9|text}"`, {}, { a: '9' }],
    ['a text by wish inside a text', `a: "v\${env.A|text}"`, { A: '9' }, { a: 'v9' }],
    ['nothing for an empty default', `a: { b: "\${env.A:-}", c: 1 }`, {}, { a: { c: 1 } }],
    ['an empty default inside a text', `a: "x\${env.A:-}"`, {}, { a: 'x' }],
    ['a value with dollars', `a: "\${env.A}-\${env.A}"`, { A: '$&' }, { a: '$&-$&' }],
    [
      'a value that is a placeholder itself',
      `a: "\${env.A}"`,
      { A: `\${env.B}`, B: 'x' },
      { a: `\${env.B}` },
    ],
  ];
  for (const [what, yaml, env, expected] of cases) {
    it(`are replaced by ${what}`, () => {
      expect(fill(yaml, env)).to.deep.include({ value: expected, findings: [] });
    });
  }

  it('leave other placeholders, keys and values that are no texts alone', () => {
    const yaml = `"\${env.A}": 5\nb: "\${services.x.y} \${tmpdir} \${entry.z}"\nc: null\n`;
    expect(fill(yaml, { A: 'x' })).to.deep.include({
      value: { '${env.A}': 5, b: `\${services.x.y} \${tmpdir} \${entry.z}`, c: null },
      findings: [],
    });
  });

  it('report every missing variable by name with its place, and one that is nearly called so', () => {
    const yaml = `a: "\${env.SITE_HOST}"\nb:\n  c: ["x", "\${env.OTHER}:\${env.THIRD}"]\n`;
    expect(fill(yaml, { SITE_HOTS: 'x', OTHER: '' }).findings).to.deep.equal([
      "1 a: environment variable SITE_HOST is not set. Did you mean 'SITE_HOTS'?",
      '3 b.c.1: environment variable OTHER is not set.',
      '3 b.c.1: environment variable THIRD is not set.',
    ]);
  });

  it('report what names no variable', () => {
    for (const text of [`\${env}`, `\${env.}`, `\${env.A B}`, `\${env.A-x}`, `\${env.1}`, `\${env.A:x}`]) {
      expect(fill(`a: "${text}"`).findings, text).to.deep.equal([
        `1 a: '${text}' names no variable. Write \${env.NAME} or \${env.NAME:-default}.`,
      ]);
    }
  });

  it('keep the values of secret variables out of texts', () => {
    const { redact } = fill(`a: "\${env.MY_TOKEN}"\nb: "\${env.HOST}"`, { MY_TOKEN: 's3cret', HOST: 'h' });
    expect(redact('got "s3cret" from h, "s3cret"')).to.equal(
      `got "\${env.MY_TOKEN}" from h, "\${env.MY_TOKEN}"`,
    );
  });
});
