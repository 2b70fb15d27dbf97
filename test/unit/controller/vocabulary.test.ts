import { expect } from 'chai';
import type { IntegrationStatus } from '../../../src/contracts/acquisition.js';
import { speak } from '../../../src/controller/vocabulary.js';

const READY: Readonly<Partial<Record<IntegrationStatus, IntegrationStatus>>> = {
  INITIALIZED: 'READY',
  CONFIGURED: 'READY',
  FINISHED: 'READY',
  RUNNING: 'RUNNING',
  DETECTOR_STOPPED: 'RUNNING',
  BSREAD_STILL_RUNNING: 'RUNNING',
  ERROR: 'ERROR',
  INCONSISTENT: 'ERROR',
};

describe('speak', () => {
  for (const [status, word] of Object.entries(READY) as [IntegrationStatus, IntegrationStatus][]) {
    it(`says ${word} for ${status} in the vocabulary ready, and ${status} in classic`, () => {
      expect(speak('ready', status, false)).to.equal(word);
      expect(speak('classic', status, false)).to.equal(status);
    });
  }

  it('says COMPONENT_NOT_RESPONDING in ready when that is the reason of the error', () => {
    expect(speak('ready', 'ERROR', true)).to.equal('COMPONENT_NOT_RESPONDING');
    expect(speak('classic', 'ERROR', true)).to.equal('ERROR');
  });
});
