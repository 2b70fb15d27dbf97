import { expect } from 'chai';
import {
  checkAdapterOptions,
  createBackend,
  createDetector,
  createTrigger,
  createWriter,
  optionsSchemas,
} from '../../../src/adapters/registry.js';
import { InvalidRequestError } from '../../../src/contracts/errors.js';

function thrown(work: () => unknown): InvalidRequestError {
  try {
    work();
  } catch (error) {
    if (error instanceof InvalidRequestError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('adapter registry', () => {
  it('makes the adapter of each role without any I/O', () => {
    const endpoint = 'tcp://127.0.0.1:1';
    const url = 'http://127.0.0.1:1';
    expect(createDetector('simulated', 'detector', { endpoint }).address).to.equal(endpoint);
    expect(createBackend('psi', 'backend', { url }).address).to.equal(url);
    expect(createWriter('h5-service', 'writer', { url }).address).to.equal(url);
    expect(createTrigger('simulated', 'trigger', { endpoint }).address).to.equal(endpoint);
    expect(createTrigger('none', 'trigger', {}).address).to.equal('none');
  });

  for (const [kind, text, create] of [
    [
      'simulatd',
      ": the nearest is 'simulated', the kinds are ",
      () => createDetector('simulatd', 'detector', {}),
    ],
    // A name that every object has, and that nobody can have meant.
    ['constructor', ': the kinds are ', () => createDetector('constructor', 'detector', {})],
  ] as const) {
    it(`names the kinds there are, and one that is near, when asked for ${kind}`, () => {
      const error = thrown(create);
      expect(error.code).to.equal('invalid_deployment');
      expect(error.message).to.contain(`'${kind}'${text}`);
      expect(error.facts.expected).to.include('simulated');
    });
  }

  it('reports everything that is wrong with options at once, with the nearest known name', () => {
    const error = thrown(() => createBackend('psi', 'west.backend', { url: 'ftp://x', ulr: 'y', depth: 1 }));
    expect(error.message).to.contain('west.backend');
    expect(error.facts.actual).to.have.lengthOf(3);
    expect(error.message).to.contain("options.ulr is unknown: did you mean 'url'?");
    expect(error.message).to.contain('options.url');
  });

  it('says the same when it only checks', () => {
    expect(checkAdapterOptions('trigger', 'none', {})).to.deep.equal([]);
    expect(checkAdapterOptions('trigger', 'none', { a: 1 })).to.have.lengthOf(1);
    expect(checkAdapterOptions('writer', 'h6-service', {})[0]).to.contain("'h5-service'");
    expect(checkAdapterOptions('detector', 'simulated', {})[0]).to.contain('endpoint');
  });

  it('fills in defaults without changing what it was given', () => {
    const options = { endpoint: 'tcp://127.0.0.1:1' };
    createTrigger('simulated', 'trigger', options);
    expect(options).to.deep.equal({ endpoint: 'tcp://127.0.0.1:1' });
  });

  it('describes every option of every kind', () => {
    for (const kinds of Object.values(optionsSchemas())) {
      for (const [kind, schema] of Object.entries(kinds)) {
        const properties: unknown = 'properties' in schema ? schema.properties : {};
        for (const [name, property] of Object.entries(properties ?? {})) {
          expect(property, `${kind}.${name}`).to.have.property('description').that.is.a('string');
        }
      }
    }
  });
});
