import { expect } from 'chai';
import fc from 'fast-check';
import { AddressList } from '../../../src/api/access/addressList.js';
import { CommandRate } from '../../../src/api/access/commandRate.js';
import { hideCredentials } from '../../../src/api/access/hideCredentials.js';
import { opennessWarnings } from '../../../src/api/access/openness.js';
import { newToken, TokenBook } from '../../../src/api/access/tokenBook.js';
import { parseAddressBlock } from '../../../src/config/addressBlock.js';

describe('AddressList', () => {
  it('agrees with arithmetic on every IPv4 block and address', () => {
    const property = fc.property(
      fc.nat(0xffffffff),
      fc.nat(32),
      fc.nat(0xffffffff),
      (base, prefix, address) => {
        const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
        const list = new AddressList([`${dotted(base)}/${prefix}`]);
        const inside = Math.floor(base / 2 ** (32 - prefix)) === Math.floor(address / 2 ** (32 - prefix));
        expect(list.allows(dotted(address))).to.equal(inside);
        expect(list.allows(`::ffff:${dotted(address)}`)).to.equal(inside);
        expect(list.allows(dotted(base))).to.equal(true);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('knows IPv6 blocks, single addresses and link-local zones', () => {
    const list = new AddressList(['fd00:12::/32', 'fe80::/10', '192.0.2.7']);
    expect(['fd00:12:ffff::1', 'fe80::1%eth0', '192.0.2.7'].every((one) => list.allows(one))).to.equal(true);
    expect(['fd00:13::1', '192.0.2.8', '::1', '', 'nonsense'].some((one) => list.allows(one))).to.equal(
      false,
    );
  });

  for (const text of [
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'host',
    '1.2.3.4/-1',
  ]) {
    it(`takes ${text} for no block`, () => {
      expect(parseAddressBlock(text)).to.equal(null);
    });
  }
});

describe('CommandRate', () => {
  it('lets through no more than the bucket and what flows in, and never refuses who keeps the rate', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }),
      (perSecond, gapsMs) => {
        let nowMs = 0;
        const rate = new CommandRate(perSecond, () => nowMs);
        let taken = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const waitS = rate.take('a');
          if (waitS === 0) taken += 1;
          else expect(waitS).to.be.within(0, 1 / perSecond + 1e-9);
        }
        expect(taken).to.be.at.most(perSecond + (nowMs / 1000) * perSecond + 1e-6);
        nowMs += 1000 / perSecond + 1e-6;
        expect(rate.take('a')).to.equal(0);
        expect(rate.take('b'), 'another address').to.equal(0);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});

describe('TokenBook', () => {
  it('finds the holder of each of many tokens, and of no other', () => {
    const tokens = Array.from({ length: 20 }, () => newToken());
    const book = new TokenBook(
      tokens.map(({ sha256 }, index) => ({ name: `n${index}`, sha256, role: 'observer' as const })),
    );
    for (const [index, { token }] of tokens.entries()) {
      expect(book.callerOf(`Bearer ${token}`)?.name).to.equal(`n${index}`);
      expect(token).to.match(/^dia_[\w-]{43}$/);
    }
    expect(book.callerOf(`Bearer ${newToken().token}`)).to.equal(null);
    expect(book.callerOf(undefined)).to.equal(null);
    expect(book.callerOf('')).to.equal(null);
  });
});

describe('hideCredentials', () => {
  it('takes names and passwords out of addresses', () => {
    const hidden = (text: string) => hideCredentials(text);
    expect(hidden('see http://me:secret@host:8080/a and tcp://you@h')).to.equal(
      'see http://***@host:8080/a and tcp://***@h',
    );
    expect(hidden('nobody@example.org, http://host/@')).to.equal('nobody@example.org, http://host/@');
  });

  it('takes no longer than its text is long', () => {
    const beganMs = performance.now();
    hideCredentials(`${'a'.repeat(200_000)}@`);
    // A matter of a millisecond. Were it quadratic, it would be two minutes.
    expect(performance.now() - beganMs).to.be.below(5_000);
  });
});

describe('opennessWarnings', () => {
  const open = { tokens: [], allow: [], origins: [] };
  const token = { name: 'a', sha256: newToken().sha256, role: 'operator' as const };

  for (const host of ['127.0.0.1', '::1', 'localhost', '127.0.1.1']) {
    it(`says nothing about ${host}`, () => {
      expect(opennessWarnings(host, open)).to.deep.equal([]);
    });
  }

  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'beamline.example']) {
    it(`says what is open at ${host} without any rule`, () => {
      const [warning = ''] = opennessWarnings(host, open);
      expect(warning)
        .to.include(`listens on ${host}`)
        .and.include('access.tokens')
        .and.include('start, stop');
      expect(opennessWarnings(host, { ...open, allow: ['10.0.0.0/8'] })).to.deep.equal([]);
      expect(opennessWarnings(host, { ...open, tokens: [token] })[0]).to.include('unencrypted');
    });
  }
});
