/** Measures the delay of timers: a busy machine's delay is not the throttle's. */
export function watchTimers(): { lateBy(): number } {
  let worst = 0;
  let expected = performance.now() + 10;
  const timer = setInterval(() => {
    worst = Math.max(worst, performance.now() - expected);
    expected = performance.now() + 10;
  }, 10);
  return {
    lateBy() {
      clearInterval(timer);
      // A timer that is late may come after this question.
      return Math.max(worst, performance.now() - expected);
    },
  };
}
