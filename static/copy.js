// The clipboard.

const FEEDBACK = 1200;

/** Copies a text when the button is pressed, and says so on the button. */
export async function copy(text, button) {
  const label = button.dataset.label ??= button.textContent;
  button.textContent = (await write(text)) ? 'Copied' : 'Not copied';
  setTimeout(() => { button.textContent = label; }, FEEDBACK);
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no clipboard in a page over plain HTTP from another machine.
    return writeBySelection(text);
  }
}

function writeBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused?.focus({ preventScroll: true });
  return copied;
}
