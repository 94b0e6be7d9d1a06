// What went wrong, where a person sees it.
const line = document.getElementById('problem');

/** Says it on the page; an empty text takes it away. */
export function fail(text) {
  line.textContent = text;
  line.hidden = !text;
}

/** Runs what a person asked for; what goes wrong is said on the page. */
export async function attempt(work) {
  fail('');
  try {
    return await work();
  } catch (error) {
    fail(error.message);
    return undefined;
  }
}
