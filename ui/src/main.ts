import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import './shell/tokens.css';
import './shell/shell.css';
import './overview/overview.css';
import './topics/topics.css';
import './topic/topic.css';
import './search/search.css';
import './trace/trace.css';
import App from './shell/App.svelte';

const target = document.getElementById('page');
if (target !== null) mount(App, { target });
