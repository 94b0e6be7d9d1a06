// Says why the page does not start where its modules cannot be loaded. No module itself, so that it runs wherever the page is opened.
(() => {
  const say = (text) => {
    document.getElementById('about').textContent = '';
    const line = document.getElementById('problem');
    line.textContent = text;
    line.hidden = false;
    document.body.dataset.state = 'failed';
  };
  const isReady = () => document.body.dataset.state === 'ready';
  if (location.protocol === 'file:') {
    addEventListener('DOMContentLoaded', () => say('This page was opened as a file, from which browsers load no modules. Serve the folder above web/ with a web server, '
      + 'for example by "python3 -m http.server 8080" there, and open http://localhost:8080/web/ instead.'));
    return;
  }
  addEventListener('error', ({ target, message }) => {
    if (target?.tagName === 'SCRIPT') {
      say(`${target.getAttribute('src')} or a module that it needs cannot be loaded. All files of web/ have to be there, and the web server has to call `
        + 'those that end in .mjs text/javascript.');
    } else if (message && !isReady()) say(`The page does not start in this browser: ${message}`);
  }, true);
})();
