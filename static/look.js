// A worker that asks any server for a resource's headers. Its own policy lets it, while the page, which
// has the token, may speak to its own origin alone. It gets nothing but the address.

onmessage = async ({ data: address }) => {
  try {
    const response = await fetch(address, { credentials: 'omit', cache: 'no-store' });
    const { status, url } = response;
    const link = response.headers.get('link');
    // The body is of no interest.
    await response.body?.cancel();
    postMessage({ status, url, link });
  } catch (error) {
    postMessage({ problem: error.message });
  }
};
