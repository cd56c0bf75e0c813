// Owns: drawing a page whose code is fetched when it is opened, and what is said until it is there or cannot be had. Not here: the pages.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { text } from './choose-language.ts';

type Stage<Module> = { module: Module } | 'loading' | 'failed';

/** `load` must stay the same function from drawing to drawing: a browser keeps what it has fetched. */
export function LoadedPage<Module>({
  load,
  draw,
}: {
  load(): Promise<Module>;
  draw(module: Module): ComponentChildren;
}) {
  const [stage, setStage] = useState<Stage<Module>>('loading');
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isHere = true;
    setStage('loading');
    load().then(
      (module) => isHere && setStage({ module }),
      () => isHere && setStage('failed'),
    );
    return () => {
      isHere = false;
    };
  }, [load, attempt]);
  if (stage === 'loading') return <p class="empty" aria-busy="true" />;
  if (stage !== 'failed') return <>{draw(stage.module)}</>;
  return (
    <div class="empty" role="alert">
      <p>{text.gone}</p>
      <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
        {text.tryAgain}
      </button>
    </div>
  );
}
