// A chat over the API's own streaming, in the words of its contract. What a model says is text, never markup.

/** Data of server-sent events, whatever the pieces in which the bytes come. */
export class Events {
  #rest = '';
  #decoder = new TextDecoder();

  /** The data of the events that these bytes complete. */
  feed(bytes) {
    this.#rest += this.#decoder.decode(bytes, {stream: true});
    const found = [];
    for (;;) {
      const end = /\r?\n\r?\n/.exec(this.#rest);
      if (!end) return found;
      const lines = this.#rest.slice(0, end.index).split(/\r?\n/);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
      if (data.length) found.push(data.join('\n'));
    }
  }
}

const form = document.getElementById('playground');
if (form) start(form);

function start(form) {
  const words = form.dataset;
  const talk = document.getElementById('talk');
  const [send, stop, clear] = ['send', 'stop', 'clear'].map((id) => document.getElementById(id));
  const said = document.getElementById('said');
  let messages = [];
  let running = null;
  // on a phone the talk comes first
  if (window.matchMedia('(max-width: 40rem)').matches) document.getElementById('parameters').open = false;

  const add = (parent, name, text = '', kind = '') => {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    parent.append(made);
    return made;
  };

  const busy = (now) => {
    send.disabled = clear.disabled = now;
    stop.hidden = !now;
    form.setAttribute('aria-busy', now);
  };

  const request = () => {
    const fields = new FormData(form);
    const system = fields.get('system').trim();
    const body = {
      model: fields.get('model'),
      messages: [...(system ? [{role: 'system', content: system}] : []), ...messages],
      stream: true,
      stream_options: {include_usage: true},
    };
    if (fields.get('temperature')) body.temperature = Number(fields.get('temperature'));
    if (fields.get('max_tokens')) body.max_tokens = Number(fields.get('max_tokens'));
    if (fields.get('reasoning')) body.reasoning_effort = fields.get('reasoning');
    return body;
  };

  async function ask() {
    messages.push({role: 'user', content: said.value});
    const yours = add(talk, 'li', '', 'turn you');
    add(yours, 'strong', words.you);
    add(yours, 'p', said.value);
    said.value = '';
    const turn = add(talk, 'li', '', 'turn');
    add(turn, 'strong', words.answer);
    running = new AbortController();
    busy(true);
    let answer = '';
    let id = '';
    try {
      const response = await fetch('/console/playground/chat', {
        method: 'POST',
        headers: {'Content-Type': 'application/json', 'X-Xsrftoken': words.xsrf},
        body: JSON.stringify(request()),
        signal: running.signal,
      });
      id = response.headers.get('x-request-id');
      if (!response.ok) throw new Error((await response.json()).message);
      answer = await show(turn, response.body.getReader());
    } catch (error) {
      const stopped = error.name === 'AbortError';
      add(turn, 'p', stopped ? words.stopped : error.message, stopped ? 'hint' : 'wrong');
      answer = turn.querySelector('.text')?.textContent ?? '';
    }
    if (answer) messages.push({role: 'assistant', content: answer});
    else messages.pop();
    running = null;
    busy(false);
    said.focus();
    if (id) await cost(turn, id);
  }

  /** The answer's text; raises what the stream says went wrong. */
  async function show(turn, reader) {
    const events = new Events();
    let text = null;
    let thoughts = null;
    let whole = false;
    for (;;) {
      const {done, value} = await reader.read();
      if (done) break;
      for (const data of events.feed(value)) {
        if (data === '[DONE]') {
          whole = true;
          continue;
        }
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Error(chunk.error.message);
        const delta = chunk.choices?.[0]?.delta ?? {};
        if (delta.reasoning) {
          if (!thoughts) {
            const details = add(turn, 'details', '', 'thoughts');
            details.open = true;
            add(details, 'summary', words.thoughts);
            thoughts = add(details, 'p');
          }
          thoughts.append(delta.reasoning);
        }
        if (delta.content) {
          text ??= add(turn, 'p', '', 'text');
          text.append(delta.content);
        }
      }
    }
    if (!whole) throw new Error(words.broken);
    return text?.textContent ?? '';
  }

  /** What it came to is known once it is booked. */
  async function cost(turn, id) {
    for (let wait = 200; wait < 5000; wait *= 2) {
      await new Promise((go) => { setTimeout(go, wait); });
      const response = await fetch(`/console/playground/${id}`);
      if (!response.ok) continue;
      const told = await response.json();
      const line = add(turn, 'p', `${words.cost} ${told.cost} · ${words.tokens} ${told.prompt} / ${told.completion} · ${told.ms} ms · `, 'hint cost');
      add(line, 'a', words.record).href = `/console/calls/${id}`;
      return;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!running && said.value.trim()) ask();
  });
  stop.addEventListener('click', () => running?.abort());
  clear.addEventListener('click', () => {
    messages = [];
    talk.replaceChildren();
  });
}
