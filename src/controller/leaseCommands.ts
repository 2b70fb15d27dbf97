import type { Command, Reply } from '../contracts/integration.js';
import type { JsonObject } from '../contracts/json.js';
import type { Lease, LeaseView } from './lease.js';

/**
 * Answers the commands that are about the lease itself; null for all others, which may go on: kill always, the rest
 * when the lease admits them.
 *
 * @param id - The lease that the client says it holds.
 * @throws WrongStateError `lease_held` when another client holds it.
 */
export function leaseReply(lease: Lease, command: Command, id: string | undefined): Reply | null {
  if (command.type === 'lease.take') {
    const taken = lease.take(command, id);
    return { lease: { id: taken.id, ...wireLease(taken) } };
  }
  if (command.type === 'lease.release') {
    lease.release(id);
    return { lease: null };
  }
  if (command.type !== 'acquisition.kill') lease.admit(id);
  return null;
}

/** Who holds a lease, in the names of the wire; null when nobody does. */
export function leaseHolder(lease: Lease): JsonObject | null {
  const held = lease.view();
  return held === null ? null : wireLease(held);
}

function wireLease({ owner, remainingS }: LeaseView): JsonObject {
  return { owner, remaining_s: Math.round(remainingS * 1000) / 1000 };
}
