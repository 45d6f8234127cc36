// Tabs, as the ARIA practices have them: one stop of the Tab key, arrow keys in between.

/** Answers `{ update }`, which is called when tabs have been hidden or shown. */
export function tabs(list) {
  const all = [...list.querySelectorAll('[role=tab]')];
  const visible = () => all.filter((tab) => !tab.hidden);
  const choose = (chosen) => all.forEach((tab) => {
    const is = tab === chosen;
    tab.ariaSelected = is;
    tab.tabIndex = is ? 0 : -1;
    document.getElementById(tab.getAttribute('aria-controls')).hidden = !is;
  });
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
