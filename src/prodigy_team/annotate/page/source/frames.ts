/** What can wait until people see what they wait for. */

const AFTER = 20; // milliseconds after the frame, so that the browser gets to paint it
const LONGEST = 300; // milliseconds where no frame comes: a hidden tab paints none

/** Do something once the frame that shows the changes of this moment is painted. Returns what takes it back. */
export function after_paint(work: () => void): () => void {
  let timer = setTimeout(run, LONGEST);
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    timer = setTimeout(run, AFTER);
  });
  function run(): void {
    cancelAnimationFrame(frame);
    work();
  }
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
