/**
 * Answers a question that says yes so many times a second; `report` is told how often it said no, at the first question of a
 * later second.
 */
export function allowance(atMost: number, report: (refused: number) => void): (nowMs?: number) => boolean {
  let second = 0;
  let asked = 0;
  return (nowMs = performance.now()) => {
    const now = Math.floor(nowMs / 1000);
    if (now !== second) {
      if (asked > atMost) report(asked - atMost);
      second = now;
      asked = 0;
    }
    asked += 1;
    return asked <= atMost;
  };
}
