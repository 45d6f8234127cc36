// Tabs, as the ARIA practices have them: one stop of the Tab key, arrow keys in between.

/** Answers `{ update }`, which is called when tabs have been hidden or shown. `chosen` is called with
    the name of each panel that someone chooses. */
export function tabs(list, chosen = () => {}) {
  const all = [...list.querySelectorAll('[role=tab]')];
  const visible = () => all.filter((tab) => !tab.hidden);
  const choose = (one) => {
    all.forEach((tab) => {
      const is = tab === one;
      tab.ariaSelected = is;
      tab.tabIndex = is ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !is;
    });
    chosen(one.getAttribute('aria-controls'));
  };
  all.forEach((tab) => {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const [shown, next] = [visible(), visible().indexOf(tab) + step];
      const to = shown.at(next % shown.length);
      choose(to);
      to.focus();
    });
  });
  return {
    update() {
      if (all.find((tab) => tab.ariaSelected === 'true').hidden) choose(all[0]);
    },
  };
}
