// Tabs, as the ARIA practices have them: one stop of the Tab key, arrow keys in between.

export function tabs(list) {
  const all = [...list.querySelectorAll('[role=tab]')];
  const choose = (chosen) => all.forEach((tab) => {
    const is = tab === chosen;
    tab.ariaSelected = is;
    tab.tabIndex = is ? 0 : -1;
    document.getElementById(tab.getAttribute('aria-controls')).hidden = !is;
  });
  all.forEach((tab, index) => {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = all.at((index + step) % all.length);
      choose(next);
      next.focus();
    });
  });
}
