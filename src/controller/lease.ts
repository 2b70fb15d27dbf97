import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { WrongStateError } from '../contracts/errors.js';

/** What everybody may know of a lease. */
export interface LeaseView {
  readonly owner: string;
  /** Seconds until it ends by itself. */
  readonly remainingS: number;
}

/** What a lease works with besides the commands. */
export interface LeaseOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs?: () => number;
  readonly newId?: () => string;
}

interface Held {
  readonly id: string;
  readonly owner: string;
  readonly endsAtMs: number;
}

/**
 * The control of the integration, held by at most one client for a time. While it is held only its holder is
 * admitted; it ends when it is released, or by itself. It lives as long as the controller does.
 */
export class Lease {
  readonly #nowMs: () => number;
  readonly #newId: () => string;
  #held: Held | null = null;

  constructor(options: LeaseOptions = {}) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#newId = options.newId ?? (() => randomBytes(18).toString('base64url'));
  }

  /**
   * Takes the lease, or with its `id` renews it: it then lasts `seconds` from now.
   *
   * @throws WrongStateError `lease_held` when another holds it.
   */
  take(wanted: { owner: string; seconds: number }, id?: string): LeaseView & { readonly id: string } {
    this.admit(id);
    const present = this.#present();
    const endsAtMs = this.#nowMs() + wanted.seconds * 1000;
    this.#held = { id: present?.id ?? this.#newId(), owner: wanted.owner, endsAtMs };
    return { id: this.#held.id, owner: wanted.owner, remainingS: wanted.seconds };
  }

  /**
   * Gives the lease back; nothing happens when nobody holds it.
   *
   * @throws WrongStateError `lease_held` when another holds it.
   */
  release(id?: string): void {
    this.admit(id);
    this.#held = null;
  }

  /** Who holds it; null when nobody does. */
  view(): LeaseView | null {
    const present = this.#present();
    if (present === null) return null;
    return { owner: present.owner, remainingS: (present.endsAtMs - this.#nowMs()) / 1000 };
  }

  /**
   * Lets the holder pass, and everybody while there is none.
   *
   * @throws WrongStateError `lease_held` naming the owner and the remaining time.
   */
  admit(id?: string): void {
    const present = this.#present();
    if (present === null || isSame(present.id, id ?? '')) return;
    const remainingS = Math.ceil((present.endsAtMs - this.#nowMs()) / 1000);
    throw new WrongStateError(
      'lease_held',
      `${present.owner} holds control for ${remainingS} more s; commands of others are refused.`,
      {
        expected: 'the lease in the header X-Dia-Lease',
        actual: id === undefined ? 'no lease' : 'another lease',
        hint: `Nothing was done. Ask ${present.owner}, or wait: it ends by itself. \`dia kill\` always works.`,
      },
    );
  }

  #present(): Held | null {
    if (this.#held !== null && this.#nowMs() >= this.#held.endsAtMs) this.#held = null;
    return this.#held;
  }
}

/** Compares in the same time wherever the first difference is. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
