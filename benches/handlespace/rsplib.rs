//! rsplib's library, as Debian installs it, through `rsplib.c`: a shared object that `scripts/bench` builds and names in the
//! environment variable RSPLIB_BENCH.

use crate::library::{Operation, Space};
use crate::workload::{Workload, address};
use rserpool::wire::Policy;
use std::ffi::{CStr, CString, c_void};
use std::hint::black_box;
use std::rc::Rc;

type Pointer = *mut c_void;

macro_rules! functions {
    ($($name:ident: $symbol:literal, fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the shared object.
        pub struct Library {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            fn load(object: Pointer) -> Library {
                // SAFETY: the symbols are functions of these types, which rsplib.c defines.
                unsafe { Library { $($name: std::mem::transmute::<Pointer, unsafe extern "C" fn($($argument),*) $(-> $result)?>(symbol(object, $symbol)),)* } }
            }
        }
    };
}

functions! {
    element: c"rsplib_element", fn(*const u8, usize, u32, u32, u32) -> Pointer;
    element_policy: c"rsplib_element_policy", fn(Pointer, *const u32);
    element_free: c"rsplib_element_free", fn(Pointer);
    new: c"rsplib_new", fn() -> Pointer;
    free: c"rsplib_free", fn(Pointer);
    count: c"rsplib_count", fn(Pointer) -> usize;
    register: c"rsplib_register", fn(Pointer, Pointer, u64, u64) -> u32;
    deregister: c"rsplib_deregister", fn(Pointer, Pointer) -> u32;
    find: c"rsplib_find", fn(Pointer, Pointer) -> Pointer;
    restart_timer: c"rsplib_restart_timer", fn(Pointer, Pointer, u64);
    resolve: c"rsplib_resolve", fn(Pointer, Pointer, *mut Pointer, usize) -> usize;
}

fn symbol(object: Pointer, name: &CStr) -> Pointer {
    // SAFETY: an open object and a string.
    let symbol = unsafe { libc::dlsym(object, name.as_ptr()) };
    assert!(!symbol.is_null(), "{name:?} is missing in the shared object of rsplib.c");
    symbol
}

impl Library {
    /// None, with a message, where there is no such library.
    pub fn open() -> Option<Rc<Library>> {
        let Ok(path) = std::env::var("RSPLIB_BENCH") else {
            println!("without rsplib's library beside it: scripts/bench handlespace builds what that takes");
            return None;
        };
        let path = CString::new(path).expect("a path without zeros");
        // SAFETY: a string; what the object's initialisers do is up to whoever built it.
        let object = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!object.is_null(), "{path:?} cannot be opened");
        Some(Rc::new(Library::load(object)))
    }
}

/// The elements of a workload as rsplib's library wants them, and a handlespace for them.
pub struct Rsplib {
    library: Rc<Library>,
    space: Pointer,
    elements: Rc<Elements>,
    ticks: u64,
    chosen: Vec<Pointer>,
}

pub struct Elements {
    library: Rc<Library>,
    elements: Vec<Pointer>,
}

impl Elements {
    pub fn new(library: &Rc<Library>, work: &Workload) -> Rc<Elements> {
        let element = |number: usize| {
            let handle = work.handle(number).as_bytes();
            let (id, address) = (work.elements[number].id.0, u32::from(address(number)));
            let association = Workload::association(number) as u32 + 1;
            // SAFETY: bytes and their number.
            let element = unsafe { (library.element)(handle.as_ptr(), handle.len(), id, address, association) };
            set_policy(library, element, &work.elements[number].policy);
            element
        };
        Rc::new(Elements { library: library.clone(), elements: (0..work.elements.len()).map(element).collect() })
    }
}

impl Drop for Elements {
    fn drop(&mut self) {
        // SAFETY: they were made by this library, and nobody has them any more.
        self.elements.iter().for_each(|&element| unsafe { (self.library.element_free)(element) });
    }
}

fn set_policy(library: &Library, element: Pointer, policy: &Policy) {
    let policy_type = policy.policy_type().0;
    let (mut weight, mut load, mut degradation) = (0, 0, 0);
    let (mut load_dpf, mut weight_dpf, mut distance) = (0, 0, 0);
    match *policy {
        Policy::WeightedRoundRobin { weight: w } | Policy::WeightedRandom { weight: w } => weight = w,
        Policy::Priority { priority } => weight = priority,
        Policy::LeastUsed { load: l } | Policy::RandomizedLeastUsed { load: l } => load = l,
        Policy::LeastUsedDegradation { load: l, degradation: d }
        | Policy::PriorityLeastUsed { load: l, degradation: d }
        | Policy::RandomizedPriorityLeastUsed { load: l, degradation: d }
        | Policy::RandomizedLeastUsedDegradation { load: l, degradation: d }
        | Policy::PriorityLeastUsedDegradation { load: l, degradation: d }
        | Policy::RandomizedPriorityLeastUsedDegradation { load: l, degradation: d } => (load, degradation) = (l, d),
        Policy::WeightedRandomDpf { weight: w, weight_dpf: f, distance: d } => {
            (weight, weight_dpf, distance) = (w, f, d);
        }
        Policy::LeastUsedDpf { load: l, load_dpf: f, distance: d } => (load, load_dpf, distance) = (l, f, d),
        Policy::LeastUsedDegradationDpf { load: l, degradation: g, load_dpf: f, distance: d } => {
            (load, degradation, load_dpf, distance) = (l, g, f, d);
        }
        _ => {}
    }
    let values = [policy_type, weight, load, degradation, load_dpf, weight_dpf, distance];
    // SAFETY: an element and seven numbers.
    unsafe { (library.element_policy)(element, values.as_ptr()) };
}

impl Rsplib {
    pub fn empty(library: &Rc<Library>, elements: &Rc<Elements>) -> Box<dyn Space> {
        // SAFETY: no arguments.
        let space = unsafe { (library.new)() };
        let chosen = vec![std::ptr::null_mut(); elements.elements.len()];
        Box::new(Rsplib { library: library.clone(), space, elements: elements.clone(), ticks: 0, chosen })
    }

    fn next_timer(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks + 5_000_000
    }

    fn register(&mut self, element: Pointer) {
        let at = self.next_timer();
        // SAFETY: handlespace and element were made by this library and live as long as `self`.
        let result = unsafe { (self.library.register)(self.space, element, self.ticks, at) };
        assert_eq!(result, 0, "rsplib registers");
    }
}

impl Drop for Rsplib {
    fn drop(&mut self) {
        // SAFETY: made by this library.
        unsafe { (self.library.free)(self.space) };
    }
}

// SAFETY of the calls below: handlespace and elements were made by this library and live as long as `self`.
impl Space for Rsplib {
    fn run(&mut self, operation: Operation, _work: &Workload, numbers: &[usize]) {
        let elements = self.elements.clone();
        let chosen = numbers.iter().map(|&number| elements.elements[number]);
        match operation {
            Operation::Register => chosen.for_each(|element| self.register(element)),
            Operation::Deregister => chosen.for_each(|element| {
                // SAFETY: see above.
                let result = unsafe { (self.library.deregister)(self.space, element) };
                assert_eq!(result, 0, "rsplib de-registers");
            }),
            Operation::Find => chosen.for_each(|element| {
                // SAFETY: see above.
                let found = unsafe { (self.library.find)(self.space, element) };
                assert!(!black_box(found).is_null(), "rsplib finds");
            }),
            Operation::RestartTimer => chosen.for_each(|element| {
                let at = self.next_timer();
                // SAFETY: see above; the element is registered.
                unsafe { (self.library.restart_timer)(self.space, element, at) };
            }),
            Operation::Resolve(items) => {
                let room = self.chosen.as_mut_ptr();
                let items = items.min(self.chosen.len());
                chosen.for_each(|element| {
                    // SAFETY: see above; there is room for so many items.
                    black_box(unsafe { (self.library.resolve)(self.space, element, room, items) });
                });
            }
        }
    }

    fn note_change(&mut self, work: &Workload, number: usize) {
        set_policy(&self.library, self.elements.elements[number], &work.elements[number].policy);
    }

    fn count(&self) -> usize {
        // SAFETY: see above.
        unsafe { (self.library.count)(self.space) }
    }
}
