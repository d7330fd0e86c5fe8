import type { ReactElement } from 'react';

export interface Bar {
  label: string;
  value: number;
  tone: string;
}

/** A table to those who listen, bars to those who look. */
export function BarChart({ title, bars }: { title: string; bars: Bar[] }): ReactElement {
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  return (
    <table className="bars">
      <caption className="visually-hidden">{title}</caption>
      <tbody>
        {bars.map(({ label, value, tone }) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td className="bar-cell" aria-hidden="true">
              <svg viewBox="0 0 100 8" preserveAspectRatio="none">
                <rect x="0" y="0" width="100" height="8" rx="2" className="track" />
                <rect x="0" y="0" width={(100 * value) / most} height="8" rx="2" className={tone} />
              </svg>
            </td>
            <td className="bar-value">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
