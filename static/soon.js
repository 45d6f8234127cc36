// Drawing, once a frame at the most: hundreds of events a second stay quick.

/** A function that has `draw` called in the next frame, however often it is called until then. */
export function soon(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
