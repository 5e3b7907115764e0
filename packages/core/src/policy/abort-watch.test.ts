import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unwatchAbort, watchAbort } from './abort-watch.ts';

describe('watching a signal', () => {
  it('calls everybody once when it aborts, through one listener', () => {
    const controller = new AbortController();
    const heard: string[] = [];
    watchAbort(controller.signal, () => heard.push('a'));
    watchAbort(controller.signal, () => heard.push('b'));
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect(heard.sort()).toEqual(['a', 'b']);
  });

  it('does not call whoever stopped', () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const watchers = ['a', 'b', 'c'].map((name) =>
      watchAbort(controller.signal, () => heard.push(name)),
    );
    unwatchAbort(watchers[1]!);
    unwatchAbort(watchers[1]!);
    controller.abort();
    expect(heard.sort()).toEqual(['a', 'c']);
    unwatchAbort(watchers[0]!);
  });

  it('lets a callback stop others', () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const first = watchAbort(controller.signal, () => heard.push('first'));
    watchAbort(controller.signal, () => {
      heard.push('second');
      unwatchAbort(first);
    });
    controller.abort();
    expect(heard).toEqual(['second']);
  });

  it('tells signals apart', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const heard: string[] = [];
    watchAbort(one.signal, () => heard.push('one'));
    watchAbort(other.signal, () => heard.push('other'));
    other.abort();
    expect(heard).toEqual(['other']);
  });
});
