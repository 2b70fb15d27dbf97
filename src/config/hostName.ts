import { isIP, isIPv4 } from 'node:net';

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const LONGEST_NAME = 253;

/** Whether a text can be an address or a name of a machine. Source: RFC 1123, section 2.1. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  // Four numbers are meant as an address, and would be looked up as a name nobody has.
  if (/^[\d.]+$/.test(text)) return isIPv4(text);
  return (
    text.length <= LONGEST_NAME &&
    text
      .replace(/\.$/, '')
      .split('.')
      .every((label) => LABEL.test(label))
  );
}
