import { useEffect, useRef, useState } from 'react';
import type { QueueState } from '../sse';

const SECONDS = 60;

/** The sum of all speeds, once a second, over the last minute. */
export function useThroughput(queue: QueueState | undefined): number[] {
  const [values, setValues] = useState<number[]>(() => Array<number>(SECONDS).fill(0));
  const now = useRef(0);

  useEffect(() => {
    now.current =
      queue?.items.reduce((sum, one) => sum + (one.status === 'downloading' ? (one.download_speed ?? 0) : 0), 0) ?? 0;
  }, [queue]);
  useEffect(() => {
    const timer = setInterval(
      () =>
        setValues((known) =>
          now.current === 0 && known.every((value) => value === 0) ? known : [...known.slice(1), now.current],
        ),
      1000,
    );
    return () => clearInterval(timer);
  }, []);
  return values;
}
