import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Root } from './page/Root';
import { applyTheme } from './page/theme';
import { loadRuntimeConfig } from './sse';
import './page/page.css';

applyTheme();

const container = document.getElementById('root');
if (!container) throw new Error('index.html has no #root');
const config = await loadRuntimeConfig();

createRoot(container).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient()}>
      <Root config={config} />
    </QueryClientProvider>
  </StrictMode>,
);
