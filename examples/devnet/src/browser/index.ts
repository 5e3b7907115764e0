export { browserNeeds, hasBrowser, type OpenPage, openPage } from './open-page.ts';
export { bundlePage, type PageBundle } from './page-bundle.ts';
