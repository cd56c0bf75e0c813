// Light or dark, before anything is shown: as the system has it, unless the reader chose.
{
  const KEY = 'doorsill-docs-scheme';
  const system = matchMedia('(prefers-color-scheme: dark)');
  const read = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      // A browser may refuse storage to a page from a disk.
      return null;
    }
  };
  let chosen = read();
  const isDark = () => (chosen === null ? system.matches : chosen === 'dark');
  const show = () => {
    for (const element of document.querySelectorAll('[data-dark]')) element.media = isDark() ? 'screen' : 'not all';
    document.querySelector('.theme')?.setAttribute('aria-pressed', String(isDark()));
  };
  const choose = () => {
    const wanted = isDark() ? 'light' : 'dark';
    // The system's own scheme needs no memory: the page follows it again.
    chosen = (wanted === 'dark') === system.matches ? null : wanted;
    try {
      if (chosen === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, chosen);
    } catch {
      // Then the choice holds for this page alone.
    }
    show();
  };
  show();
  system.addEventListener('change', show);
  document.addEventListener('DOMContentLoaded', () => {
    show();
    const button = document.querySelector('.theme');
    button.hidden = false;
    button.addEventListener('click', choose);
  });
}
