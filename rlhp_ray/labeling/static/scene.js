// Draws a robot from its shapes and their poses (WebGL). Shapes: rlhp_ray/tasks/scene.py.

const VERTEX = `
attribute vec3 position, normal;
uniform mat4 view, place;
uniform float flat_; // 1: the shadow on the floor
uniform float ground; // the floor's height
varying vec3 world, n;
void main() {
  vec4 at = place * vec4(position, 1.0);
  if (flat_ > 0.5) at = vec4(at.xy + 0.25 * (at.z - ground) * vec2(0.35, 0.6), ground + 0.002, 1.0);
  world = at.xyz;
  n = mat3(place) * normal;
  gl_Position = view * at;
}`;
const FRAGMENT = `
precision mediump float;
uniform vec4 colour;
uniform vec3 eye;
uniform float cell; // metres of a square of the floor
uniform float kind; // 0: a shape, 1: the floor, 2: a shadow
varying vec3 world, n;
void main() {
  if (kind > 1.5) { gl_FragColor = vec4(0.1, 0.12, 0.16, 0.28); return; }
  float far = clamp(length(world - eye) / 40.0, 0.0, 1.0);
  vec3 sky = vec3(0.86, 0.92, 0.97);
  if (kind > 0.5) {
    vec2 square = floor(world.xy / cell);
    float odd = mod(square.x + square.y, 2.0);
    gl_FragColor = vec4(mix(mix(vec3(0.70), vec3(0.83), odd), sky, sqrt(far)), 1.0);
    return;
  }
  vec3 m = normalize(n);
  float light = 0.55 + 0.3 * max(0.0, dot(m, normalize(vec3(-0.35, -0.6, 1.0)))) + 0.2 * max(0.0, dot(m, normalize(eye - world)));
  gl_FragColor = vec4(colour.rgb * light, colour.a);
}`;

// Meshes: positions and normals, as triangles.
function surface(rows, columns, point) {
  const at = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j], [i + 1, j + 1], [i, j + 1]];
      for (const [u, v] of corners) at.push(...point(u / rows, v / columns));
    }
  }
  return new Float32Array(at);
}

// A ball of radius r, its halves h away from the middle along z: a sphere, or a capsule.
function capsule(r, h) {
  return surface(16, 20, (u, v) => {
    const [tilt, turn] = [Math.PI * (u - 0.5), 2 * Math.PI * v];
    const n = [Math.cos(tilt) * Math.cos(turn), Math.cos(tilt) * Math.sin(turn), Math.sin(tilt)];
    return [r * n[0], r * n[1], r * n[2] + (u > 0.5 ? h : -h), ...n];
  });
}

function ellipsoid([a, b, c]) {
  return surface(16, 20, (u, v) => {
    const [tilt, turn] = [Math.PI * (u - 0.5), 2 * Math.PI * v];
    const n = [Math.cos(tilt) * Math.cos(turn), Math.cos(tilt) * Math.sin(turn), Math.sin(tilt)];
    return [a * n[0], b * n[1], c * n[2], n[0] / a, n[1] / b, n[2] / c];
  });
}

function cylinder(r, h) {
  const rings = [[0, -h, -1], [r, -h, -1], [r, -h, 0], [r, h, 0], [r, h, 1], [0, h, 1]]; // radius, height, which way it faces
  return surface(5, 24, (u, v) => {
    const [radius, z, up] = rings[Math.round(5 * u)];
    const [x, y] = [Math.cos(2 * Math.PI * v), Math.sin(2 * Math.PI * v)];
    return [radius * x, radius * y, z, ...(up ? [0, 0, up] : [x, y, 0])];
  });
}

function triangles(vertices, faces) {
  const at = [];
  for (let i = 0; i < faces.length; i += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => vertices.slice(3 * faces[i + k], 3 * faces[i + k] + 3));
    const n = cross(minus(b, a), minus(c, a));
    for (const corner of [a, b, c]) at.push(...corner, ...n);
  }
  return new Float32Array(at);
}

function box([x, y, z]) {
  const vertices = [];
  for (let i = 0; i < 8; i++) vertices.push(i & 1 ? x : -x, i & 2 ? y : -y, i & 4 ? z : -z);
  return triangles(vertices, [0, 2, 1, 1, 2, 3, 4, 5, 6, 5, 7, 6, 0, 1, 4, 1, 5, 4, 2, 6, 3, 3, 6, 7, 0, 4, 2, 2, 4, 6, 1, 3, 5, 3, 7, 5]);
}

function mesh(shape) {
  const [a, b] = shape.size;
  switch (shape.kind) {
    case "sphere": return capsule(a, 0);
    case "capsule": return capsule(a, b);
    case "ellipsoid": return ellipsoid(shape.size);
    case "cylinder": return cylinder(a, b);
    case "box": return box(shape.size);
    case "mesh": return triangles(shape.vertices, shape.faces);
    default: return null; // a plane is drawn as the floor
  }
}

const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

// The matrix that projects what the camera sees, by columns, and where the camera is; as in MuJoCo's viewer.
function look(camera, target, aspect) {
  const [az, el] = [camera.azimuth, camera.elevation].map((degrees) => degrees * Math.PI / 180);
  const forward = [Math.cos(el) * Math.cos(az), Math.cos(el) * Math.sin(az), Math.sin(el)];
  const up = [-Math.sin(el) * Math.cos(az), -Math.sin(el) * Math.sin(az), Math.cos(el)];
  const right = cross(forward, up);
  const eye = target.map((x, i) => x - camera.distance * forward[i]);
  const f = 1 / Math.tan(camera.fovy * Math.PI / 360);
  const [near, far] = [0.02, 200];
  const [a, b] = [(far + near) / (far - near), -2 * far * near / (far - near)];
  const [x, y, z] = [-dot(right, eye), -dot(up, eye), -dot(forward, eye)];
  const columns = [0, 1, 2].map((i) => [f / aspect * right[i], f * up[i], a * forward[i], forward[i]]).flat();
  return { eye, matrix: [...columns, f / aspect * x, f * y, a * z + b, z] };
}

export class Scene {
  constructor(canvas, geometry) {
    this.canvas = canvas;
    this.geometry = geometry;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { this.build(); this.redraw?.(); });
    this.build();
  }

  // Three floats of where the camera looks, then twelve of each shape.
  get floats() {
    return 3 + 12 * this.geometry.shapes.length;
  }

  build() {
    const gl = this.gl = this.canvas.getContext("webgl", { antialias: true, stencil: true, alpha: false });
    if (!gl) throw new Error("This browser can’t draw the clips: WebGL is off.");
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.at = Object.fromEntries(["view", "place", "flat_", "ground", "colour", "eye", "cell", "kind"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.attributes = ["position", "normal"].map((name) => gl.getAttribLocation(program, name));
    this.attributes.forEach((place) => gl.enableVertexAttribArray(place));
    this.meshes = this.geometry.shapes.map((shape) => this.buffer(mesh(shape)));
    this.floor = this.buffer(new Float32Array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]].flatMap(([x, y]) => [60 * x, 60 * y, 0, 0, 0, 1])));
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0.86, 0.92, 0.97, 1);
  }

  buffer(vertices) {
    if (!vertices) return null;
    const gl = this.gl;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.STATIC_DRAW);
    return { buffer, count: vertices.length / 6 };
  }

  // One frame: `pose` as in `floats`.
  draw(pose) {
    const { gl, at, geometry, canvas } = this;
    const sharp = Math.min(2, devicePixelRatio);
    const [width, height] = [Math.round(canvas.clientWidth * sharp), Math.round(canvas.clientHeight * sharp)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    const target = [pose[0], pose[1], pose[2]];
    const { eye, matrix } = look(geometry.camera, target, width / height);
    gl.uniformMatrix4fv(at.view, false, matrix);
    gl.uniform3fv(at.eye, eye);
    const floor = geometry.shapes.findIndex((shape) => shape.kind === "plane");
    if (floor >= 0) {
      const ground = pose[3 + 12 * floor + 2];
      gl.uniform1f(at.ground, ground);
      gl.uniform1f(at.cell, 10 ** Math.floor(Math.log10(geometry.camera.distance / 2)));
      gl.uniform1f(at.kind, 1);
      gl.uniform1f(at.flat_, 0);
      this.mesh(this.floor, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, target[0], target[1], ground, 1]);
      gl.enable(gl.BLEND); // shadows, each spot of the floor once
      gl.enable(gl.STENCIL_TEST);
      gl.stencilFunc(gl.EQUAL, 0, 255);
      gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
      gl.uniform1f(at.kind, 2);
      gl.uniform1f(at.flat_, 1);
      this.shapes(pose);
      gl.disable(gl.STENCIL_TEST);
      gl.disable(gl.BLEND);
    }
    gl.uniform1f(at.kind, 0);
    gl.uniform1f(at.flat_, 0);
    this.shapes(pose);
  }

  shapes(pose) {
    this.meshes.forEach((buffer, index) => {
      if (!buffer) return;
      const p = pose.subarray(3 + 12 * index, 15 + 12 * index);
      this.gl.uniform4fv(this.at.colour, this.geometry.shapes[index].colour);
      this.mesh(buffer, [p[3], p[6], p[9], 0, p[4], p[7], p[10], 0, p[5], p[8], p[11], 0, p[0], p[1], p[2], 1]);
    });
  }

  mesh({ buffer, count }, place) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    this.attributes.forEach((attribute, index) => gl.vertexAttribPointer(attribute, 3, gl.FLOAT, false, 24, 12 * index));
    gl.uniformMatrix4fv(this.at.place, false, place);
    gl.drawArrays(gl.TRIANGLES, 0, count);
  }
}
