import { expect } from 'chai';
import type { ServiceSettings } from '../../../src/config/deployment.js';
import { startOrder, substituteEndpoints } from '../../../src/config/endpoints.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

const service = (name: string, ...args: string[]): ServiceSettings => ({
  name,
  command: ['x'],
  args,
  lingerMs: 0,
});
const names = (layers: ServiceSettings[][]) => layers.map((layer) => layer.map(({ name }) => name));

describe('substituteEndpoints', () => {
  const endpoints = {
    detector: { control: 'tcp://127.0.0.1:1', frames: 'tcp://127.0.0.1:2' },
    backend: { http: 'http://127.0.0.1:3' },
  };

  it('fills in addresses however deep, several in a text, and leaves the value as it was', () => {
    const value = {
      a: [
        `\${services.detector.control}`,
        { b: `x \${services.backend.http}/v1 \${services.detector.frames}` },
      ],
      c: 1,
    };
    const before = structuredClone(value);
    expect(substituteEndpoints(value, endpoints)).to.deep.equal({
      a: ['tcp://127.0.0.1:1', { b: 'x http://127.0.0.1:3/v1 tcp://127.0.0.1:2' }],
      c: 1,
    });
    expect(value).to.deep.equal(before);
  });

  it('names every reference that has no address, with the near one', () => {
    expect(() =>
      substituteEndpoints(
        [
          `\${services.detectr.control}`,
          `\${services.detector.frame}`,
          `\${services.constructor.name}`,
          `\${x}`,
        ],
        endpoints,
      ),
    )
      .to.throw(InvalidRequestError)
      .with.property(
        'message',
        `'\${services.detectr.control}': no service 'detectr' has announced itself. Did you mean 'detector'? ` +
          `'\${services.detector.frame}': service 'detector' has announced no endpoint 'frame'. Did you mean 'frames'? ` +
          `'\${services.constructor.name}': no service 'constructor' has announced itself. Known are 'detector', 'backend'. ` +
          `'\${x}' is no reference to a service. Write \${services.<name>.<endpoint>}.`,
      );
  });
});

describe('startOrder', () => {
  it('starts nothing when there is nothing', () => {
    expect(startOrder([])).to.deep.equal([]);
  });

  it('puts a service after all that it refers to, and in parallel what can be', () => {
    const services = [
      service('writer', '--stream', `\${services.backend.frames}`),
      service('other'),
      service('backend', `\${services.detector.frames}`, `\${services.detector.control}`),
      service('detector'),
    ];
    expect(names(startOrder(services))).to.deep.equal([['other', 'detector'], ['backend'], ['writer']]);
  });

  it('looks into commands as well', () => {
    const last = { ...service('a'), command: ['x', `\${services.b.http}`] };
    expect(names(startOrder([last, service('b')]))).to.deep.equal([['b'], ['a']]);
  });

  it('names the circle in which services wait for each other', () => {
    const services = [
      service('d', `\${services.a.x}`),
      service('a', `\${services.b.x}`),
      service('b', `\${services.c.x}`),
      service('c', `\${services.a.x}`),
      service('e'),
    ];
    expect(() => startOrder(services)).to.throw(InvalidRequestError, 'in a circle: a -> b -> c -> a.');
    expect(() => startOrder([service('a', `\${services.a.x}`)])).to.throw('a -> a');
  });
});
