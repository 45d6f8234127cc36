// Where the hub is.

// The page is `<hub>/` and `<hub>/static/index.html`, and a proxy may put the hub under a path.
const here = location.origin + location.pathname;
export const HUB = new URL(here.endsWith('/static/index.html') ? '../' : './', here);

/** The address of a path of the hub, or of another base; pairs without a value are left out. */
export function address(path, pairs = [], base = HUB) {
  const url = new URL(path, base);
  url.search = new URLSearchParams(pairs.filter(([, value]) => value));
  return url.href;
}

/** How an address is shown. */
export const short = (url) => url.host + url.pathname.replace(/\/$/, '');
