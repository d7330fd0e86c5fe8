import { useState, type ReactElement } from 'react';
import { applyTheme, nextTheme, storedTheme, type Theme } from './theme';

const PATHS: Record<Theme, string> = {
  auto: 'M12 3a9 9 0 1 0 0 18V3Z',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
};

export function ThemeToggle(): ReactElement {
  const [theme, setTheme] = useState(storedTheme);
  const next = nextTheme(theme);
  const label = `Colours: ${theme}. Change to ${next}.`;
  return (
    <button
      type="button"
      id="theme"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
        {theme === 'auto' && <circle cx="12" cy="12" r="9" className="outline" />}
        <path d={PATHS[theme]} className={theme === 'light' ? 'outline' : 'filled'} />
      </svg>
    </button>
  );
}
