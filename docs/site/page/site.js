// The search, its keys, and the list of headings on wide screens. The index is loaded when the reader turns to the search.
{
  const RESULTS_MAX = 20;
  const form = document.querySelector('.search');
  const input = form.elements.words;
  const panel = form.querySelector('.results');
  const list = panel.querySelector('ol');
  const count = panel.querySelector('.count');
  const { base } = form.dataset;

  const load = (file) =>
    new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `${base}page/${file}`;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${file} could not be loaded`));
      document.head.append(script);
    });

  let index = null;
  /** The index, loaded once. */
  const loadIndex = () => {
    index ??= Promise.all([load('minisearch.js'), load('search-index.js')]).then(() =>
      MiniSearch.loadJSON(searchIndex, searchOptions),
    );
    return index;
  };

  const find = (made, words) => {
    const options = {
      boost: { title: 5, page: 2 },
      prefix: (term) => term.length > 2,
      boostDocument: (_id, _term, { rank }) => rank,
    };
    const all = made.search(words, { ...options, combineWith: 'AND' });
    if (all.length === 0) return made.search(words, { ...options, fuzzy: 0.2 });
    const isNamed = ({ title }) => title.toLowerCase() === words.toLowerCase();
    return [...all.filter(isNamed), ...all.filter((one) => !isNamed(one))];
  };

  const lineOf = ({ id, title, page, start }) => {
    const line = document.createElement('li');
    const link = document.createElement('a');
    link.href = `${base}${id}`;
    const parts = { b: title, span: page, small: start };
    for (const [tag, text] of Object.entries(parts)) {
      if (text === '') continue;
      const part = document.createElement(tag);
      part.textContent = text;
      link.append(part);
    }
    line.append(link);
    return line;
  };

  const search = async () => {
    const words = input.value.trim();
    if (words === '') {
      panel.hidden = true;
      return;
    }
    panel.hidden = false;
    try {
      const found = find(await loadIndex(), words);
      // Typed on meanwhile: a later search answers.
      if (words !== input.value.trim()) return;
      list.replaceChildren(...found.slice(0, RESULTS_MAX).map(lineOf));
      const most = found.length > RESULTS_MAX ? `, the best ${RESULTS_MAX} below` : '';
      count.textContent = found.length === 0 ? `Nothing for “${words}”.` : `${found.length} found${most}`;
    } catch (thrown) {
      count.textContent = `The search does not work here: ${thrown.message}.`;
    }
  };

  const isTyping = ({ target }) => target.matches('input, textarea, select, [contenteditable]');
  const links = () => [...list.querySelectorAll('a')];
  const move = (by) => {
    const all = links();
    const at = all.indexOf(document.activeElement) + by;
    (at < 0 ? input : all[Math.min(at, all.length - 1)])?.focus();
  };

  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      panel.hidden = true;
      input.focus();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      move(event.key === 'ArrowDown' ? 1 : -1);
    }
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    links()[0]?.click();
  });
  input.addEventListener('focus', () => void loadIndex().catch(() => undefined));
  input.addEventListener('input', search);
  // A result on this page closes the list; so does a click beside it.
  document.addEventListener('click', (event) => {
    if (!form.contains(event.target) || event.target.closest('.results a')) panel.hidden = true;
  });
  form.hidden = false;

  const contents = document.querySelector('.toc');
  const wide = matchMedia('(min-width: 84rem)');
  const unfold = () => {
    if (contents) contents.open = wide.matches;
  };
  wide.addEventListener('change', unfold);
  unfold();
  // The page that is shown is in sight in the sidebar, too.
  const sidebar = document.querySelector('.sidebar');
  const here = sidebar.querySelector('[aria-current]');
  if (here) sidebar.scrollTop += here.getBoundingClientRect().top - innerHeight / 2;
}
